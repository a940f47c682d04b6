"""What commands and configurations offer by name; importing it loads nothing else."""

# networks that images are shown to, by the name of the function in `neurospyke.sim`
NETWORKS = ("kheradpisheh2018", "mozafari2018", "mozafari2019", "rezghi2022")
# public data sets of images that a brain has seen
IMAGE_SETS = ("v4_cowley2023", "rsa92_kriegeskorte2008")
