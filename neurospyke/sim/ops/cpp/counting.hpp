// Few inputs with weights >= 0: instead of looking for the bin of a crossing, count the steps that
// were not enough. No branch depends on the data.
//
// A step is one spike, or two that share a bin; a bin of an odd number is then filled up with an input
// whose weights are 0. Looking at sums after two tells their bin as well as after each. Maps are taken
// a few registers at a time, so that their weights stay in the first-level cache while many windows
// have their turn, and windows two at a time, because each sum waits for the one before.
#pragma once

#include "convolution.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

constexpr int MOST_COUNTING = REGISTERS == 32 ? 4 : 3;
// Windows that have their turn together, and the bytes of their inputs that are enough.
constexpr int64_t MOST_LISTED = 64, LISTED_BYTES = 1 << 13;
// About so many spikes a strip of which a window's are chosen: three registers of them.
constexpr int64_t CHOSEN_FROM = 192;

// The spikes of a window, step by step.
struct Listed {
  const uint8_t* input;
  const uint8_t* time;  // of each step, and silence after the last one
  int64_t n_steps;
  uint8_t* latency;  // of the window's neurons, where they go
};

// Windows to be counted; STEP is how many spikes a step has.
template <int STEP>
struct Lists {
  // where bins are small, it is faster to choose spikes from all than to copy them bin by bin
  static constexpr bool chosen = PACKS && STEP == 1;
  Listed window[MOST_LISTED];
  int64_t n_windows = 0, n_bytes = 0;

  explicit Lists(int64_t inputs) : filling_(static_cast<uint8_t>(inputs)) {
    // room for the last window, for what it is filled up with, and for whole registers
    const size_t room = static_cast<size_t>(LISTED_BYTES + STEP * inputs) + 128;
    input_ = static_cast<uint8_t*>(scratch(COUNTED, 2 * room + MOST_LISTED));
    time_ = input_ + room;
  }
  bool full() const { return n_windows == MOST_LISTED || n_bytes >= LISTED_BYTES; }
  void clear() { n_windows = n_bytes = 0; }

  // Adds a window, with the place of its latencies.
  void add(Events<uint8_t>& events, uint8_t* latency) {
    uint8_t *inputs = input_ + n_bytes, *times = time_ + n_bytes / STEP + n_windows;
    const int64_t n_steps = chosen ? events.choose(inputs, times)
                                   : events.list<STEP>(inputs, times, filling_);
    times[n_steps] = SILENT;
    window[n_windows++] = {inputs, times, n_steps, latency};
    n_bytes += STEP * n_steps;
  }

  // By steps, so that two neighbours have about as many.
  void sort(uint8_t (&order)[MOST_LISTED]) const {
    uint8_t begin[257] = {0};
    for (int64_t i = 0; i < n_windows; ++i) ++begin[window[i].n_steps + 1];
    for (int i = 1; i < 257; ++i) begin[i] = static_cast<uint8_t>(begin[i] + begin[i - 1]);
    for (int64_t i = 0; i < n_windows; ++i)
      order[begin[window[i].n_steps]++] = static_cast<uint8_t>(i);
  }

 private:
  uint8_t *input_, *time_, filling_;
};

// The bins of the steps after which the sums of a block's maps were enough.
template <int N>
NEUROSPYKE_INLINE void tell_bins(const typename Lanes<float>::Count (&n_below)[N], const uint8_t* time,
                                 int64_t n_steps, uint8_t* latency, int64_t maps) {
  using L = Lanes<float>;
#if defined(__AVX512VBMI2__)
  static_assert(N <= 4, "latencies of a block fill a register");
  if (n_steps < 128) {
    __m512i below = _mm512_castsi128_si512(_mm512_cvtepi32_epi8(n_below[0]));
    if constexpr (N > 1) below = _mm512_inserti32x4(below, _mm512_cvtepi32_epi8(n_below[1]), 1);
    if constexpr (N > 2) below = _mm512_inserti32x4(below, _mm512_cvtepi32_epi8(n_below[2]), 2);
    if constexpr (N > 3) below = _mm512_inserti32x4(below, _mm512_cvtepi32_epi8(n_below[3]), 3);
    const __m512i low = _mm512_loadu_si512(time), high = _mm512_loadu_si512(time + 64);
    _mm512_mask_storeu_epi8(latency, _cvtu64_mask64(first_bits(maps)),
                            _mm512_permutex2var_epi8(low, below, high));
    return;
  }
#endif
  alignas(64) uint8_t below[N * L::width];
#pragma GCC unroll 8
  for (int v = 0; v < N; ++v) L::store_bytes(below + v * L::width, n_below[v]);
  for (int64_t m = 0; m < maps; ++m) latency[m] = time[below[m]];
}

// N registers of maps from map `first` on, of two windows, of which the second has no more steps.
template <int N, int STEP>
static void count(const Layer<float>& layer, const Listed& a, const Listed& b, int64_t first) {
  using L = Lanes<float>;
  L::Vec sum_a[N], sum_b[N], threshold[N];
  L::Count below_a[N], below_b[N];
#pragma GCC unroll 8
  for (int v = 0; v < N; ++v) {
    sum_a[v] = sum_b[v] = L::zero();
    below_a[v] = below_b[v] = L::none();
    threshold[v] = L::load(layer.threshold + first + v * L::width);
  }
  const float* const weight = layer.weight + first;
  const int64_t row = layer.row, maps = least(layer.maps - first, N * L::width);
  const uint8_t *of_a = a.input, *of_b = b.input;
  const auto look = [&threshold](L::Count(&below)[N], const L::Vec(&sum)[N]) {
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v)
      below[v] = L::count_unless_above(below[v], sum[v], threshold[v]);
  };
  // the first steps have no more spikes than are quiet
  const int64_t quiet = layer.quiet / STEP;
  int64_t e = 0;
  for (; e < STEP * quiet; ++e) {
    add_rows(sum_a, weight, row, of_a, e, e + 1);
    add_rows(sum_b, weight, row, of_b, e, e + 1);
  }
  for (; e < STEP * b.n_steps; e += STEP) {
#pragma GCC unroll 8
    for (int i = 0; i < STEP; ++i) {
      add_rows(sum_a, weight, row, of_a, e + i, e + i + 1);
      add_rows(sum_b, weight, row, of_b, e + i, e + i + 1);
    }
    look(below_a, sum_a);
    look(below_b, sum_b);
  }
  tell_bins<N>(below_b, b.time + quiet, b.n_steps - quiet, b.latency + first, maps);
  for (; e < STEP * a.n_steps; e += STEP) {
    add_rows(sum_a, weight, row, of_a, e, e + STEP);
    look(below_a, sum_a);
  }
  tell_bins<N>(below_a, a.time + quiet, a.n_steps - quiet, a.latency + first, maps);
}

using Count = void (*)(const Layer<float>&, const Listed&, const Listed&, int64_t);

template <int MOST, int STEP>
static Count count_of(int n) {
  if constexpr (MOST > 1)
    if (n < MOST) return count_of<MOST - 1, STEP>(n);
  return count<MOST, STEP>;
}

// The neurons of all windows that are listed, which are none afterwards.
template <int STEP>
static void count_all(const Layer<float>& layer, Lists<STEP>& lists) {
  const int64_t width = Lanes<float>::width, n = lists.n_windows;
  const int64_t registers = (layer.maps + width - 1) / width;
  const int64_t n_blocks = (registers + MOST_COUNTING - 1) / MOST_COUNTING;
  uint8_t order[MOST_LISTED];
  lists.sort(order);
  for (int64_t b = 0, first = 0; b < n_blocks; ++b) {
    // shared out evenly: some blocks have one more
    const int64_t here = registers / n_blocks + (b < registers % n_blocks);
    const Count count_block = count_of<MOST_COUNTING, STEP>(static_cast<int>(here));
    for (int64_t i = 0; i < n; i += 2) {
      const int64_t next = least(i + 1, n - 1);
      count_block(layer, lists.window[order[next]], lists.window[order[i]], first);
    }
    first += here * width;
  }
  lists.clear();
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
