// One set of kernels, for the instruction set that the compiler was told: NEUROSPYKE_ISA.
#include "learning.hpp"
#include "projection.hpp"
#include "scan.hpp"

namespace neurospyke {

#define NEUROSPYKE_JOIN(a, b) a##b
#define NEUROSPYKE_TABLE(isa) NEUROSPYKE_JOIN(kernels_, isa)

extern const Kernels NEUROSPYKE_TABLE(NEUROSPYKE_ISA);
const Kernels NEUROSPYKE_TABLE(NEUROSPYKE_ISA) = {
    NEUROSPYKE_ISA::convolution, NEUROSPYKE_ISA::pool,     NEUROSPYKE_ISA::inhibition,
    NEUROSPYKE_ISA::winners,     NEUROSPYKE_ISA::stdp,     NEUROSPYKE_ISA::learning,
    NEUROSPYKE_ISA::scan,        NEUROSPYKE_ISA::scan_gradient, NEUROSPYKE_ISA::projection,
    NEUROSPYKE_ISA::row_additions,
};

}  // namespace neurospyke
