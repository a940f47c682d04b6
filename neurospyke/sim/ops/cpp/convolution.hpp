// Convolution of at-most-one-spike inputs by integrate-and-fire neurons, window by window.
//
// The spikes of a window are put in order of their bins, and each adds one row of weights, all maps
// at once, to sums held in registers. Sums are taken in the order (bin, kernel row, kernel column,
// channel) on every instruction set, so that results do not depend on it, on the batch, on threads
// or on the layout. Three things are left out where they cannot matter:
//   - windows and bins with so few spikes that no sum can have passed its threshold,
//   - bins after the last map has spiked,
//   - with weights >= 0, spikes within a bin after the last map has spiked.
#pragma once

#include "strip.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

constexpr int64_t ALL = INT64_MAX;

// A pointer of which the compiler knows nothing, so that it addresses a block of registers from one
// base instead of keeping every register's address in a register of its own.
template <class P>
NEUROSPYKE_INLINE P* opaque(P* pointer) {
  __asm__("" : "+r"(pointer));
  return pointer;
}

template <class T>
struct Layer {
  const T* weight;     // (input, map), rows padded with zeros to whole registers
  const T* threshold;  // (map,), padded with infinity; zeros to read out in the last bin
  int64_t maps, row, inputs, n_bins;
  T largest;      // of the weights, and of 0
  int64_t quiet;  // so many spikes cannot take any sum over its threshold; -1: none is needed
  bool read_out, growing, inhibited, with_potential;
  bool counted;  // few inputs and weights >= 0: see counting.hpp
  bool one_threshold;  // the same for all maps, and at least 0, so that padding never passes it
};

// What a window's neurons do, in buffers of whole registers.
template <class T>
struct Outcome {
  uint8_t* latency;
  T* potential;
  int64_t best_time, best_map;
  T best_potential;
  int64_t additions;
};

// Records the maps of a block whose sums have passed their thresholds by bin t; returns how many.
template <class T, int N>
NEUROSPYKE_INLINE int64_t settle(const Layer<T>& layer, typename Lanes<T>::Vec (&sum)[N],
                                 int64_t first, uint8_t t, Outcome<T>& out) {
  using L = Lanes<T>;
  const typename L::Vec spent = L::all(-static_cast<T>(__builtin_inf()));
  const T* threshold = opaque(layer.threshold + first);
  uint8_t* latency = opaque(out.latency + first);
  T* potential = opaque(out.potential + first);
  int64_t n = 0;
#pragma GCC unroll 32
  for (int v = 0; v < N; ++v) {
    const uint32_t lanes = L::above(sum[v], L::load(threshold + v * L::width));
    if (!L::masked && lanes == 0) continue;
    n += __builtin_popcount(lanes);
    L::put_bytes(latency + v * L::width, lanes, t);
    if (layer.with_potential)
      L::store(potential + v * L::width, L::put(L::load(potential + v * L::width), lanes, sum[v]));
    sum[v] = L::put(sum[v], lanes, spent);
  }
  return n;
}

// The best of the maps of a block whose sums have passed their thresholds by bin t: largest sum, then
// lowest index; it replaces what was best so far if it is earlier or larger. False where none has.
template <class T, int N>
NEUROSPYKE_INLINE bool settle_best(const Layer<T>& layer, const typename Lanes<T>::Vec (&sum)[N],
                                   int64_t first, uint8_t t, Outcome<T>& out) {
  using L = Lanes<T>;
  const T* threshold = opaque(layer.threshold + first);
  const typename L::Vec none = L::all(-static_cast<T>(__builtin_inf()));
  typename L::Vec highest = none;
  uint32_t any = 0;
#pragma GCC unroll 32
  for (int v = 0; v < N; ++v) {
    const uint32_t lanes = L::above(sum[v], L::load(threshold + v * L::width));
    highest = L::higher(L::put(none, lanes, sum[v]), highest);
    any |= lanes;
  }
  if (any == 0) return false;
  alignas(64) T high[L::width];
  L::store(high, highest);
  T best = high[0];
  for (int lane = 1; lane < L::width; ++lane) best = high[lane] > best ? high[lane] : best;
  if (t == out.best_time && !(best > out.best_potential)) return true;
#pragma GCC unroll 32
  for (int v = N - 1; v >= 0; --v) {
    const uint32_t lanes = L::above(sum[v], L::load(threshold + v * L::width)) &
                           ~L::above(L::all(best), sum[v]);
    if (lanes) out.best_map = first + v * L::width + __builtin_ctz(lanes);
  }
  out.best_time = t;
  out.best_potential = best;
  return true;
}

template <class T, int N>
NEUROSPYKE_INLINE bool any_above(const Layer<T>& layer, const typename Lanes<T>::Vec (&sum)[N],
                                 int64_t first) {
  using L = Lanes<T>;
  if (layer.one_threshold) {
    // of a NaN and a number, the second is taken
    typename L::Vec highest = L::higher(sum[0], L::zero());
#pragma GCC unroll 32
    for (int v = 1; v < N; ++v) highest = L::higher(sum[v], highest);
    return L::above(highest, L::all(layer.threshold[0])) != 0;
  }
  const T* threshold = opaque(layer.threshold + first);
  uint32_t any = 0;
#pragma GCC unroll 32
  for (int v = 0; v < N; ++v) any |= L::above(sum[v], L::load(threshold + v * L::width));
  return any != 0;
}

template <class T, int N, class Index>
NEUROSPYKE_INLINE void add_rows(typename Lanes<T>::Vec (&sum)[N], const T* weight, int64_t row,
                     const Index* input, int64_t from, int64_t to) {
  using L = Lanes<T>;
  for (int64_t e = from; e < to; ++e) {
    const T* here = opaque(weight + static_cast<int64_t>(input[e]) * row);
#pragma GCC unroll 32
    for (int v = 0; v < N; ++v) sum[v] = L::add(sum[v], L::load(here + v * L::width));
  }
}

// N registers of maps from map `first` on, bin by bin.
template <class T, class Index, int N>
static void fire(const Layer<T>& layer, Events<Index>& events, int64_t first, Outcome<T>& out) {
  using L = Lanes<T>;
  typename L::Vec sum[N];
#pragma GCC unroll 32
  for (int v = 0; v < N; ++v) sum[v] = L::zero();
  const int64_t last = least(layer.maps, first + N * L::width);
  int64_t waiting = last - first, e = 0;
  // with weights >= 0 a sum never falls, so that it may be looked at within a bin; ever more rarely
  int64_t pause = layer.growing && !layer.with_potential ? most(layer.quiet, 0) + 2 : ALL;
  int64_t step = 2;
  bool more = events.n_groups > 0 || events.sort_next_bin();
  if (layer.quiet < 0 && !(more && events.group_time[0] == 0)) {
    if (layer.inhibited && settle_best(layer, sum, first, 0, out)) return;
    if (!layer.inhibited) waiting -= settle(layer, sum, first, 0, out);
  }
  for (int group = 0; more && waiting > 0; more = ++group < events.n_groups || events.sort_next_bin()) {
    const uint8_t t = events.group_time[group];
    const int64_t end = events.group_end[group];
    if (layer.inhibited && t > out.best_time) break;
    while (e < end && waiting > 0) {
      const int64_t stop = least(end, pause);
      add_rows(sum, layer.weight + first, layer.row, events.sorted, e, stop);
      out.additions += (stop - e) * (last - first);
      e = stop;
      if (e == pause) {
        pause += step;
        step *= 2;
      }
      if (e <= layer.quiet || !any_above(layer, sum, first)) continue;
      if (layer.inhibited) {
        settle_best(layer, sum, first, t, out);
        return;
      }
      waiting -= settle(layer, sum, first, t, out);
    }
  }
}

// Without a threshold only the sums of all spikes matter, so that windows can be taken together, and
// an input's weights are fetched once for all of them.
constexpr int TOGETHER = 4;

// Inputs that spike in any of the windows, and in which, one bit each.
struct Readings {
  uint32_t* input;
  uint8_t* who;
  int64_t n, done;
};

// Adds to N registers of maps from map `first` on, of each window, what its inputs below `stop` add;
// returns how many inputs are done then.
template <class T, int N>
static int64_t add_together(const Layer<T>& layer, const Readings& readings, uint32_t stop,
                            int64_t first, T* const (&potential)[TOGETHER]) {
  using L = Lanes<T>;
  typename L::Vec sum[TOGETHER][N];
#pragma GCC unroll 4
  for (int p = 0; p < TOGETHER; ++p)
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) sum[p][v] = L::load(potential[p] + first + v * L::width);
  int64_t e = readings.done;
  for (; e < readings.n && readings.input[e] < stop; ++e) {
    const T* row = layer.weight + first + static_cast<int64_t>(readings.input[e]) * layer.row;
    const T* here = opaque(row);
    const uint32_t who = readings.who[e];
    if (who == (1u << TOGETHER) - 1) {
      // half of the sums by units that multiply, which are idle otherwise; times 1 is exact
#pragma GCC unroll 8
      for (int v = 0; v < N; ++v) {
        const typename L::Vec weight = L::load(here + v * L::width);
#pragma GCC unroll 4
        for (int p = 0; p < TOGETHER; ++p)
          sum[p][v] = p % 2 ? L::multiply_add(weight, L::all(1), sum[p][v])
                            : L::add(sum[p][v], weight);
      }
      continue;
    }
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) {
      const typename L::Vec weight = L::load(here + v * L::width);
#pragma GCC unroll 4
      for (int p = 0; p < TOGETHER; ++p)
        sum[p][v] = L::add_if(sum[p][v], weight, 0u - (who >> p & 1));
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < TOGETHER; ++p)
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) L::store(potential[p] + first + v * L::width, sum[p][v]);
  return e;
}

template <class T, int MOST>
static int64_t add_blocks(const Layer<T>& layer, const Readings& readings, uint32_t stop,
                          int64_t first, T* const (&potential)[TOGETHER]) {
  const int64_t step = MOST * Lanes<T>::width;
  int64_t done = readings.done;
  for (; first + step <= layer.row; first += step)
    done = add_together<T, MOST>(layer, readings, stop, first, potential);
  if constexpr (MOST > 1)
    if (first < layer.row) done = add_blocks<T, MOST - 1>(layer, readings, stop, first, potential);
  return done;
}

// Spikes of one window from its sums: in the last bin, where the sum is above 0.
template <class T>
static void read_out(const Layer<T>& layer, Outcome<T>& out) {
  const uint8_t last = static_cast<uint8_t>(layer.n_bins - 1);
  for (int64_t m = 0; m < layer.maps; ++m) {
    const bool above = out.potential[m] > 0;
    out.latency[m] = above ? last : SILENT;
    out.potential[m] = above ? out.potential[m] : 0;
  }
  for (int64_t m = 0; layer.inhibited && m < layer.maps; ++m)
    if (out.potential[m] > out.best_potential) {
      out.best_time = last;
      out.best_map = m;
      out.best_potential = out.potential[m];
    }
}

template <class T, class Index>
using Block = void (*)(const Layer<T>&, Events<Index>&, int64_t, Outcome<T>&);

// fire for n = 1, 2, ..., MOST registers.
template <class T, class Index, int MOST>
static Block<T, Index> fire_of(int n) {
  if constexpr (MOST > 1)
    if (n < MOST) return fire_of<T, Index, MOST - 1>(n);
  return fire<T, Index, MOST>;
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
