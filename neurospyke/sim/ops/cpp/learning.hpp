// Learning steps: the winners of each sample, and what they learn.
//
// A step asks for winners alone, not for what every neuron does, and few windows hold one. Bins are
// gone through in order. In each, a window may spike from then on once it has seen enough spikes,
// and cannot have more potential than that many of the largest weight; windows are looked at
// closely from the largest such bound down, and only while a bound reaches the best spike found.
// The winners are those of `winners`, whatever is left out.
#pragma once

#include "plasticity.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

// A window that has not been looked at, and the most that its neurons can have.
template <class T>
struct Hope {
  T bound;
  int64_t place;
};

// Heap: no hope is larger than the one at half its index.
template <class T>
inline void sink(Hope<T>* heap, int64_t n, int64_t at) {
  const Hope<T> sinking = heap[at];
  for (int64_t child; (child = 2 * at + 1) < n; at = child) {
    child += child + 1 < n && heap[child].bound < heap[child + 1].bound;
    if (!(sinking.bound < heap[child].bound)) break;
    heap[at] = heap[child];
  }
  heap[at] = sinking;
}

enum State : uint8_t { WAITING, HOPING, CLEARED };

// The positions of one sample that compete.
template <class T, class Index>
struct Contest {
  const LearningArgs& l;
  const Layer<T>& layer;
  const Plan<T, Index>& plan;
  const T* most_potential;  // of 0, 1, 2, ... spikes
  int64_t height, width, threads;
  uint8_t now = 0;              // bin
  Band band{};
  uint32_t* pixels = nullptr;   // spikes so far of each pixel of the band
  uint32_t* columns = nullptr;  // of each column of a row of windows
  uint32_t* counts = nullptr;   // of each window
  Hope<T>* hopes = nullptr;     // a heap
  Spike<T>* spikes = nullptr;   // of windows that have been looked at
  int64_t n_hopes = 0, n_spikes = 0;
  uint8_t* state = nullptr;     // of windows
  bool* taken = nullptr;        // maps
  int64_t* places = nullptr;    // windows to look at next
  int64_t n_places = 0, next = 0;
  int64_t work[N_WORK] = {0};

  void run(int64_t sample, int64_t* rows, uint8_t* latency_out);

 private:
  void start(int64_t sample);
  bool read_out() const { return !l.layer.threshold; }
  void count();
  void raise_hopes();
  const Spike<T>* best_known();
  const Spike<T>* look_closer(const Spike<T>* best);
  void clear(const Spike<T>& winner);
};

// Inputs of a window that are sorted for all of time.
constexpr int64_t SORTED_AT_ONCE = 256;

// Windows of one sample that each thread looks at before all choose again, and the size of weights
// from which that is worth while: of smaller ones a window takes less than calling for help.
constexpr int64_t AT_ONCE = 4, WORTH_HELP = 1 << 18;

template <class T, class Index>
static void look(void* context) {
  auto& contest = *static_cast<Contest<T, Index>*>(context);
  const ConvolutionArgs& a = contest.l.layer;
  const Layer<T>& layer = contest.layer;
  const size_t lists = Events<Index>::size(layer.inputs), row = static_cast<size_t>(layer.row);
  uint8_t* memory = static_cast<uint8_t*>(scratch(LISTS, lists + row * (sizeof(T) + 1)));
  const int64_t length = a.kernel_width * a.channels;
  Strip<Index> strip(a.kernel_height, length, a.n_bins);
  Events<Index> events{};
  events.lay_out(memory, layer.inputs);
  events.quiet = layer.quiet;
  T* potential = reinterpret_cast<T*>(memory + lists);
  int64_t n_events = 0, n_additions = 0, n_windows = 0;
  for (int64_t i; (i = next_task(contest.next)) < contest.n_places; ++n_windows) {
    const int64_t y = contest.places[i] / contest.width, x = contest.places[i] % contest.width;
    strip.sort(contest.band, y * a.down, x * a.across, a.kernel_height, a.kernel_width,
               layer.inputs <= SORTED_AT_ONCE ? SILENT : contest.now, false);
    // how many spikes there are is not known, only that they are more than `quiet`
    events.open(strip, INT64_MAX, 0, a.kernel_height, length);
    Outcome<T> out{reinterpret_cast<uint8_t*>(potential + row), potential, SILENT, -1, 0, 0};
    window(layer, contest.plan, events, out);
    contest.spikes[contest.n_spikes + i] = {static_cast<uint8_t>(out.best_time), out.best_potential,
                                            out.best_map, y, x};
    n_events += events.n_sorted();
    n_additions += out.additions;
  }
  add_work(contest.work[WINDOWS], n_windows);
  add_work(contest.work[EVENTS], n_events);
  add_work(contest.work[ADDITIONS], n_additions);
}

template <class T, class Index>
void Contest<T, Index>::start(int64_t sample) {
  const ConvolutionArgs& a = l.layer;
  const int64_t windows = height * width;
  band = {nullptr, (height - 1) * a.down + a.kernel_height, (width - 1) * a.across + a.kernel_width,
          a.channels};
  const int64_t pixel_count = band.rows * band.columns, size = pixel_count * a.channels;
  band.bytes = static_cast<uint8_t*>(scratch(BAND, static_cast<size_t>(size)));
  fill_band(band, source_of(a, sample), -a.top, -a.left, a.n_bins);
  const uint8_t last = static_cast<uint8_t>(a.n_bins - 1);
  for (int64_t i = 0; read_out() && i < size; ++i)
    band.bytes[i] = band.bytes[i] == SILENT ? SILENT : last;
  const size_t n = static_cast<size_t>(windows);
  char* memory = static_cast<char*>(
      scratch(CONTEST, n * (sizeof(Hope<T>) + sizeof(Spike<T>) + 5) + static_cast<size_t>(a.maps) +
                           4 * static_cast<size_t>(pixel_count + band.columns) +
                           8 * static_cast<size_t>(AT_ONCE * threads)));
  const auto take = [&memory](size_t bytes) {
    char* here = memory;
    memory += bytes;
    return here;
  };
  hopes = reinterpret_cast<Hope<T>*>(take(n * sizeof(Hope<T>)));
  spikes = reinterpret_cast<Spike<T>*>(take(n * sizeof(Spike<T>)));
  places = reinterpret_cast<int64_t*>(take(8 * static_cast<size_t>(AT_ONCE * threads)));
  pixels = reinterpret_cast<uint32_t*>(take(4 * static_cast<size_t>(pixel_count)));
  columns = reinterpret_cast<uint32_t*>(take(4 * static_cast<size_t>(band.columns)));
  counts = reinterpret_cast<uint32_t*>(take(4 * n));
  state = reinterpret_cast<uint8_t*>(take(n));
  taken = reinterpret_cast<bool*>(take(static_cast<size_t>(a.maps)));
  memset(pixels, 0, 4 * static_cast<size_t>(pixel_count));
  memset(state, WAITING, n);
  memset(taken, 0, static_cast<size_t>(a.maps));
  n_hopes = n_spikes = 0;
}

// Adds the spikes of the bin at hand to those that each window has seen.
template <class T, class Index>
void Contest<T, Index>::count() {
  count_pixels(band, pixels, [this](const uint8_t* bytes) { return equal_bytes(bytes, now); });
  count_windows(band, l.layer, pixels, height, width, columns, counts);
}

// Windows that may spike now and could not before.
template <class T, class Index>
void Contest<T, Index>::raise_hopes() {
  for (int64_t place = 0; place < height * width; ++place)
    if (state[place] == WAITING && counts[place] > layer.quiet) {
      state[place] = HOPING;
      hopes[n_hopes++] = {most_potential[counts[place]], place};
    }
  for (int64_t at = n_hopes / 2; at-- > 0;) sink(hopes, n_hopes, at);
}

// The best spike of the bin at hand among windows that have been looked at; those out of the race are
// dropped.
template <class T, class Index>
const Spike<T>* Contest<T, Index>::best_known() {
  int64_t kept = 0;
  const Spike<T>* best = nullptr;
  for (int64_t i = 0; i < n_spikes; ++i) {
    const Spike<T>& here = spikes[i];
    if (taken[here.map] || state[here.row * width + here.column] == CLEARED) continue;
    spikes[kept] = here;
    if (here.latency == now && (!best || before(here, *best))) best = spikes + kept;
    ++kept;
  }
  n_spikes = kept;
  return best;
}

// Looks at windows until none is left that could do better than the best spike of the bin at hand.
template <class T, class Index>
const Spike<T>* Contest<T, Index>::look_closer(const Spike<T>* best) {
  const int64_t at_once = threads > 1 ? AT_ONCE * threads : 1;
  while (n_hopes > 0 && !(best && hopes[0].bound < best->potential)) {
    for (n_places = 0; n_hopes > 0 && n_places < at_once;) {
      if (state[hopes[0].place] != CLEARED) places[n_places++] = hopes[0].place;
      hopes[0] = hopes[--n_hopes];
      sink(hopes, n_hopes, 0);
    }
    next = 0;
    parallel(n_places > 1 ? threads : 1, look<T, Index>, this);
    const int64_t from = n_spikes;
    for (int64_t i = 0; i < n_places; ++i) {
      const Spike<T> found = spikes[from + i];
      if (found.map < 0 || taken[found.map]) continue;
      spikes[n_spikes] = found;
      if (found.latency == now && (!best || before(found, *best))) best = spikes + n_spikes;
      ++n_spikes;
    }
  }
  return best;
}

// A winner takes its map, and the square round it if winners clear one. At its own place no other
// spike is left either way: one map a window was the best.
template <class T, class Index>
void Contest<T, Index>::clear(const Spike<T>& winner) {
  taken[winner.map] = true;
  if (l.radius < 0) return;
  const int64_t top = most(winner.row - l.radius, 0), left = most(winner.column - l.radius, 0);
  const int64_t bottom = least(winner.row + l.radius, height - 1);
  const int64_t right = least(winner.column + l.radius, width - 1);
  for (int64_t y = top; y <= bottom; ++y)
    memset(state + y * width + left, CLEARED, static_cast<size_t>(right - left + 1));
}

// Writes the winners of a sample, and the bins in which they spike at their places.
template <class T, class Index>
void Contest<T, Index>::run(int64_t sample, int64_t* rows, uint8_t* latency_out) {
  start(sample);
  int64_t rank = 0;
  const auto end = static_cast<uint8_t>(l.layer.n_bins);
  for (now = read_out() ? end - 1 : 0; now < end && rank < l.k; ++now) {
    count();
    raise_hopes();
    while (rank < l.k) {
      const Spike<T>* best = look_closer(best_known());
      if (!best) break;
      rows[3 * rank] = best->map;
      rows[3 * rank + 1] = best->row;
      rows[3 * rank + 2] = best->column;
      latency_out[best->row * width + best->column] = now;
      clear(*best);
      ++rank;
    }
  }
  for (int64_t i = 3 * rank; i < 3 * l.k; ++i) rows[i] = -1;
}

// Samples of a batch, shared out; or one whose windows are.
template <class T>
struct Step {
  const LearningArgs& l;
  Layer<T> layer;
  const T* most_potential;
  int64_t height, width, first, samples, threads;
  uint8_t* latency_out;
  int64_t next;
};

template <class T, class Index, int MOST>
static void hold_contests(void* context) {
  auto& step = *static_cast<Step<T>*>(context);
  const LearningArgs& l = step.l;
  const Plan<T, Index> plan = planned<T, Index, MOST>(l.layer.maps);
  Contest<T, Index> contest{l,           step.layer, plan,        step.most_potential,
                            step.height, step.width, step.threads};
  for (int64_t i; (i = next_task(step.next)) < step.samples;) {
    const int64_t sample = step.first + i;
    contest.run(sample, l.winners_out + sample * l.k * 3,
                step.latency_out + i * step.height * step.width);
  }
  if (l.layer.work)
    for (int i = 0; i < N_WORK; ++i) add_work(l.layer.work[i], contest.work[i]);
}

// Most potential that n spikes can give, for every n: rounding never turns a smaller sum into a
// larger one.
template <class T>
static void bound_potentials(T largest, int64_t inputs, T* to) {
  to[0] = 0;
  for (int64_t n = 0; n < inputs; ++n) to[n + 1] = to[n] + largest;
}

static const void* rates_of(const LearningArgs& l, const void* rates, int64_t sample) {
  const int64_t size = l.layer.is_double ? 8 : 4;
  return static_cast<const char*>(rates) + sample * l.rule.rate_batch * size;
}

// Winners, then what they learn; for all samples together or for one after another.
template <class T>
static void learn(const LearningArgs& l) {
  const ConvolutionArgs& a = l.layer;
  const int64_t height = positions(a.height, a.top, a.bottom, a.kernel_height, a.down);
  const int64_t width = positions(a.width, a.left, a.right, a.kernel_width, a.across);
  const int64_t together = l.online ? 1 : a.batch, row = padded_maps<T>(a.maps);
  const int64_t inputs = a.kernel_height * a.kernel_width * a.channels;
  T* weight = static_cast<T*>(scratch(LEARNED, sizeof(T) * static_cast<size_t>(inputs * row)));
  pack(a, row, weight);
  T* most_potential =
      static_cast<T*>(scratch(MOST_POTENTIAL, sizeof(T) * static_cast<size_t>(inputs + 1 + a.maps)));
  // to read out is to spike in the last bin, above 0
  T* zeros = most_potential + inputs + 1;
  memset(zeros, 0, sizeof(T) * static_cast<size_t>(a.maps));
  T* threshold = static_cast<T*>(scratch(THRESHOLDS, sizeof(T) * static_cast<size_t>(row)));
  auto* latency_out =
      static_cast<uint8_t*>(scratch(MAPS, static_cast<size_t>(together * height * width)));
  ConvolutionArgs fire = a;
  fire.maps_out = l.winners_out;
  if (!a.threshold) fire.threshold = zeros;
  const int64_t in_row = row * a.channels;
  StdpArgs stdp_args{weight, a.maps, a.channels, a.kernel_height, a.kernel_width,
                     1, row, in_row * a.kernel_width, in_row,
                     a.latency, together, a.height, a.width,
                     a.latency_batch, a.latency_channel, a.latency_row, a.latency_column,
                     latency_out, 1, height, width, height * width, 1, width, 1,
                     nullptr, l.k, l.rule, a.down, a.across, a.top, a.left, a.is_double, a.threads};
  const int64_t inner = together > 1 || inputs * row < WORTH_HELP ? 1 : a.threads;
  const auto contests = of_kind<T>(inputs, [](auto kind) {
    using K = decltype(kind);
    return hold_contests<T, typename K::Index, K::MOST>;
  });
  for (int64_t sample = 0; sample < a.batch; sample += together) {
    Step<T> step{l, prepare<T>(fire, weight, threshold), most_potential, height, width, sample,
                 together, inner, latency_out, 0};
    bound_potentials(step.layer.largest, inputs, most_potential);
    parallel(together > 1 ? a.threads : 1, contests, &step);
    stdp_args.latency_in = a.latency + sample * a.latency_batch;
    stdp_args.winners = l.winners_out + sample * l.k * 3;
    stdp_args.rule.rate_positive = rates_of(l, l.rule.rate_positive, sample);
    stdp_args.rule.rate_negative = rates_of(l, l.rule.rate_negative, sample);
    stdp(stdp_args);
    // once all are clamped, only a map that has just won can be out of bounds, and it wins but once
    // a sample
    if (stdp_args.winners[0] >= 0) stdp_args.rule.clamp_all = 0;
  }
  ConvolutionArgs out = a;
  out.weight = l.weight_out;
  out.weight_map = l.out_map;
  out.weight_channel = l.out_channel;
  out.weight_row = l.out_row;
  out.weight_column = l.out_column;
  move_weights(out, row, weight, unpack_rows<T>);
}

static void learning(const LearningArgs& l) {
  if (l.layer.is_double)
    learn<double>(l);
  else
    learn<float>(l);
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
