// Leaky neurons over the whole time axis, forwards and by the adjoint backwards.
//
// Rows are samples: (time, batch, unit), units in one run of memory. A task is a few rows through all
// of time, so that what neurons remember stays in the cache and no two tasks ever wait for each other.
#pragma once

#include "lanes.hpp"
#include "runtime.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

// What a loop writes, none of its other pointers reads.
#if defined(__clang__)
#define NEUROSPYKE_APART _Pragma("clang loop vectorize(assume_safety)")
#else
#define NEUROSPYKE_APART _Pragma("GCC ivdep")
#endif

enum Surrogate { GAUSSIAN, MULTI_GAUSSIAN, LINEAR, SLAYER };

template <class T>
struct Bits;
template <>
struct Bits<float> {
  using Whole = int32_t;
  static constexpr float magic = 12582912.0f, log2e = 1.44269504088896341f, least = -87.0f;
  static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
  static constexpr int mantissa = 23, bias = 127, degree = 7;
};
template <>
struct Bits<double> {
  using Whole = int64_t;
  static constexpr double magic = 6755399441055744.0, log2e = 1.4426950408889634074, least = -708.0;
  static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
  static constexpr int mantissa = 52, bias = 1023, degree = 13;
};

// e^x for x <= 0, without branches, so that loops over it run a register at a time.
template <class T>
inline T exponential(T x) {
  using B = Bits<T>;
  using Whole = typename B::Whole;
  constexpr T inverse[14] = {T(1), T(1), T(1) / 2, T(1) / 3, T(1) / 4, T(1) / 5, T(1) / 6,
                             T(1) / 7, T(1) / 8, T(1) / 9, T(1) / 10, T(1) / 11, T(1) / 12, T(1) / 13};
  x = x > B::least ? x : B::least;
  const T shifted = x * B::log2e + B::magic, power = shifted - B::magic;
  const T rest = (x - power * B::ln2_high) - power * B::ln2_low;
  T sum = T(1);
#pragma GCC unroll 13
  for (int k = B::degree; k > 0; --k) sum = T(1) + sum * rest * inverse[k];
  Whole bits, base;
  T origin = B::magic, scale;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  __builtin_memcpy(&base, &origin, sizeof base);
  const Whole raised = (bits - base + B::bias) << B::mantissa;
  __builtin_memcpy(&scale, &raised, sizeof scale);
  return sum * scale;
}

// ds/dx at x = membrane - threshold; constants as the published networks have them.
template <class T, int KIND>
inline T slope(T x) {
  constexpr T GAMMA = T(0.5), DENSITY = T(0.79788456080286535588);  // 1 / (0.5 sqrt(2 pi))
  if (KIND == GAUSSIAN) return GAMMA * DENSITY * exponential<T>(T(-2) * x * x);
  if (KIND == LINEAR) {
    const T height = T(1) - (x < 0 ? -x : x);
    return GAMMA * (height > 0 ? height : T(0));
  }
  if (KIND == SLAYER) return GAMMA * exponential<T>(T(-5) * (x < 0 ? -x : x));
  constexpr T HEIGHT = T(0.15), WIDE = T(1) / 18;  // 1 / (2 3^2)
  const T middle = exponential<T>(T(-2) * x * x);
  const T right = exponential<T>(-(x - T(0.5)) * (x - T(0.5)) * WIDE);
  const T left = exponential<T>(-(x + T(0.5)) * (x + T(0.5)) * WIDE);
  return GAMMA * DENSITY * ((T(1) + HEIGHT) * middle - HEIGHT / T(6) * (right + left));
}

constexpr int64_t CHECKPOINT = 8;  // steps between two traces that are kept

// Rows that a task takes through time: as many as its memory of about `units` numbers has room for.
static int64_t rows_of_task(int64_t batch, int64_t units, int64_t threads, int64_t numbers) {
  int64_t rows = units ? numbers / units : batch;
  const int64_t share = (batch + threads - 1) / threads;
  rows = rows < share ? rows : share;
  return rows < 1 ? 1 : rows;
}

template <class T>
struct Neurons {
  int64_t n;
  const T* decay;        // of the membrane
  const T* trace_decay;  // null: no adaptation
  T threshold, adaptation;
  bool immediate, reset_decays;
};

// One step of a row; spikes_before and spikes_now are different memory.
template <class T, bool ADAPTIVE, bool IMMEDIATE>
static void forward_step(const Neurons<T>& c, const T* __restrict current,
                         const T* __restrict before, T* __restrict membrane, T* __restrict trace,
                         T* __restrict now) {
  const T* __restrict decay = c.decay;
  const T* __restrict trace_decay = c.trace_decay;
  const T base = c.threshold, gain = c.adaptation;
  const T decays = c.reset_decays ? T(1) : T(0);  // a number, for a choice would cost the registers
  NEUROSPYKE_APART
  for (int64_t j = 0; j < c.n; ++j) {
    const T a = decay[j], s = before[j];
    T threshold = base, crossed = base;
    if (ADAPTIVE) {
      const T r = trace_decay[j], old = trace[j];
      const T adapted = r * old + (T(1) - r) * s;
      threshold = base + gain * adapted;
      crossed = IMMEDIATE ? base + gain * old : threshold;
      trace[j] = adapted;
    }
    const T factor = decays * a + (T(1) - decays);
    const T u = (a * membrane[j] + (T(1) - a) * current[j]) - factor * crossed * s;
    membrane[j] = u;
    now[j] = u > threshold ? T(1) : T(0);
  }
}

template <class T>
using Forward = void (*)(const Neurons<T>&, const T*, const T*, T*, T*, T*);

template <class T>
static Forward<T> forward_of(const Neurons<T>& c) {
  if (!c.trace_decay) return forward_step<T, false, false>;
  return c.immediate ? forward_step<T, true, true> : forward_step<T, true, false>;
}

// Numbers that need not lie where registers begin.
template <class T>
static typename Lanes<T>::Vec load_anywhere(const T* p) {
  typename Lanes<T>::Vec a;
  __builtin_memcpy(&a, p, sizeof a);
  return a;
}

// Places of a sample's spikes, in order.
template <class T>
static int64_t find_spikes(const T* spikes, int64_t n, int32_t* list) {
  using L = Lanes<T>;
  int64_t found = 0, j = 0;
  for (; j + L::width <= n; j += L::width)
    for (uint32_t lanes = L::not_zero(load_anywhere(spikes + j)); lanes; lanes &= lanes - 1)
      list[found++] = static_cast<int32_t>(j) + __builtin_ctz(lanes);
  for (; j < n; ++j)
    if (spikes[j] != 0) list[found++] = static_cast<int32_t>(j);
  return found;
}

// As Lanes multiply and add, so that a unit's place among the columns changes nothing.
template <class T>
static T multiply_add(T a, T b, T c) {
#if defined(__FMA__)
  return sizeof(T) == 4 ? static_cast<T>(__builtin_fmaf(a, b, c)) : static_cast<T>(__builtin_fma(a, b, c));
#else
  return a * b + c;
#endif
}

// Columns whose sums stay in registers while all rows are added.
template <class T>
constexpr int64_t SUM_WIDTH = 8 * Lanes<T>::width;

// sum += value * row for every spike that is listed, in order of the units.
template <class T>
static void add_columns(const T* spikes, const int32_t* list, int64_t found, const T* table,
                        int64_t columns, int64_t stride, T* __restrict sum) {
  using L = Lanes<T>;
  if (columns == SUM_WIDTH<T>) {
    typename L::Vec sums[8];
#pragma GCC unroll 8
    for (int v = 0; v < 8; ++v) sums[v] = load_anywhere(sum + v * L::width);
    for (int64_t k = 0; k < found; ++k) {
      const auto value = L::all(spikes[list[k]]);
      const T* row = table + list[k] * stride;
#pragma GCC unroll 8
      for (int v = 0; v < 8; ++v)
        sums[v] = L::multiply_add(value, load_anywhere(row + v * L::width), sums[v]);
    }
#pragma GCC unroll 8
    for (int v = 0; v < 8; ++v) __builtin_memcpy(sum + v * L::width, &sums[v], sizeof sums[v]);
    return;
  }
  for (int64_t k = 0; k < found; ++k) {
    const T* __restrict row = table + list[k] * stride;
    const T value = spikes[list[k]];
    for (int64_t i = 0; i < columns; ++i) sum[i] = multiply_add<T>(value, row[i], sum[i]);
  }
}

// The same for some samples: a part of the table that stays in the cache serves all of them.
template <class T>
static void add_rows(const T* spikes, int64_t samples, int64_t n, const T* table, int64_t columns,
                     T* sums, int32_t* lists, int64_t* found) {
  for (int64_t row = 0; row < samples; ++row)
    found[row] = find_spikes(spikes + row * n, n, lists + row * n);
  for (int64_t from = 0; from < columns; from += SUM_WIDTH<T>) {
    const int64_t wide = columns - from < SUM_WIDTH<T> ? columns - from : SUM_WIDTH<T>;
    for (int64_t row = 0; row < samples; ++row)
      add_columns(spikes + row * n, lists + row * n, found[row], table + from, wide, columns,
                  sums + row * columns + from);
  }
}

template <class T>
static Neurons<T> neurons_of(const ScanArgs& a) {
  return {a.units, static_cast<const T*>(a.decay), static_cast<const T*>(a.trace_decay),
          static_cast<T>(a.threshold), static_cast<T>(a.adaptation), a.immediate != 0,
          a.reset_decays != 0};
}

template <class T>
static void copy(T* to, const T* from, int64_t n) {
  if (n) __builtin_memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
}

struct Scan {
  const ScanArgs& a;
  int64_t rows, next;
};

template <class T>
static void scan_rows(const ScanArgs& a, int64_t first, int64_t rows) {
  const Neurons<T> c = neurons_of<T>(a);
  const Forward<T> step = forward_of<T>(c);
  const int64_t n = a.units, block = rows * n, all = a.batch * n, start = first * n;
  const size_t lists = static_cast<size_t>(rows) * (sizeof(int64_t) + static_cast<size_t>(n) * sizeof(int32_t));
  char* memory = static_cast<char*>(scratch(SCAN, 3 * static_cast<size_t>(block) * sizeof(T) + lists + 8));
  T *membrane = reinterpret_cast<T*>(memory), *trace = membrane + block, *sums = trace + block;
  auto* found = reinterpret_cast<int64_t*>(memory + (3 * static_cast<size_t>(block) * sizeof(T) + 7) / 8 * 8);
  auto* places = reinterpret_cast<int32_t*>(found + rows);
  copy(membrane, static_cast<const T*>(a.membrane_start) + start, block);
  if (c.trace_decay) copy(trace, static_cast<const T*>(a.trace_start) + start, block);
  const T* before = static_cast<const T*>(a.spikes_start) + start;
  for (int64_t t = 0; t < a.time; ++t) {
    T* now = static_cast<T*>(a.spikes) + t * all + start;
    if (a.traces && c.trace_decay && t % CHECKPOINT == 0)
      copy(static_cast<T*>(a.traces) + t / CHECKPOINT * all + start, trace, block);
    const T* current = static_cast<const T*>(a.current) + t * all + start;
    if (a.recurrent) {
      copy(sums, current, block);
      add_rows<T>(before, rows, n, static_cast<const T*>(a.recurrent), n, sums, places, found);
      current = sums;
    }
    for (int64_t at = 0; at < block; at += n)
      step(c, current + at, before + at, membrane + at, trace + at, now + at);
    if (a.membrane) copy(static_cast<T*>(a.membrane) + t * all + start, membrane, block);
    before = now;
  }
  copy(static_cast<T*>(a.membrane_end) + start, membrane, block);
  if (c.trace_decay) copy(static_cast<T*>(a.trace_end) + start, trace, block);
}

template <class T>
static void scan_tasks(void* context) {
  auto& job = *static_cast<Scan*>(context);
  const int64_t batch = job.a.batch;
  for (int64_t task; (task = next_task(job.next)) * job.rows < batch;) {
    const int64_t first = task * job.rows, left = batch - first;
    scan_rows<T>(job.a, first, left < job.rows ? left : job.rows);
  }
}

static void scan(const ScanArgs& a) {
  Scan job{a, rows_of_task(a.batch, a.units, a.threads, a.recurrent ? 16384 : 8192), 0};
  parallel(a.threads, a.is_double ? scan_tasks<double> : scan_tasks<float>, &job);
}

// ---- backwards ----

// What a row remembers from the step after, and the sums over time of its decays' gradients.
template <class T>
struct Carried {
  T *spikes, *membrane, *trace, *decay, *trace_decay;
};

template <class T>
struct Moment {
  const T *of_spikes, *of_membrane, *membrane, *membrane_before, *before, *trace, *trace_before;
  T* of_current;
};

template <class T, int KIND, bool ADAPTIVE, bool IMMEDIATE>
static void backward_step(const Neurons<T>& c, const Moment<T>& m, const Carried<T>& k) {
  const T *__restrict decay = c.decay, *__restrict trace_decay = c.trace_decay;
  const T *__restrict of_spikes = m.of_spikes, *__restrict of_membrane = m.of_membrane;
  const T *__restrict membrane = m.membrane, *__restrict membrane_before = m.membrane_before;
  const T *__restrict before = m.before, *__restrict trace = m.trace;
  const T* __restrict trace_before = m.trace_before;
  T *__restrict of_current = m.of_current, *__restrict to_spikes = k.spikes;
  T *__restrict to_membrane = k.membrane, *__restrict to_trace = k.trace;
  T *__restrict of_decay = k.decay, *__restrict of_trace_decay = k.trace_decay;
  const T base = c.threshold, gain = c.adaptation;
  const T decays = c.reset_decays ? T(1) : T(0);  // a number, for a choice would cost the registers
  NEUROSPYKE_APART
  for (int64_t j = 0; j < c.n; ++j) {
    const T a = decay[j], s = before[j], u = membrane[j];
    const T threshold = ADAPTIVE ? base + gain * trace[j] : base;
    const T crossed = ADAPTIVE && IMMEDIATE ? base + gain * trace_before[j] : threshold;
    const T factor = decays * a + (T(1) - decays);
    const T of_distance = (of_spikes[j] + to_spikes[j]) * slope<T, KIND>(u - threshold);
    const T d = of_distance + of_membrane[j] + to_membrane[j];
    T back = -factor * crossed * d;
    if (ADAPTIVE) {
      const T r = trace_decay[j], pull = gain * (factor * s * d);
      const T e = to_trace[j] - gain * of_distance - (IMMEDIATE ? T(0) : pull);
      of_trace_decay[j] += e * (trace_before[j] - s);
      to_trace[j] = IMMEDIATE ? r * e - pull : r * e;
      back += (T(1) - r) * e;
    }
    to_spikes[j] = back;
    of_current[j] = (T(1) - a) * d;
    // (1 - a)(u[t-1] - I[t]), from the equation of the membrane, so that no current is kept
    const T moved = (membrane_before[j] - u) - factor * crossed * s;
    of_decay[j] += d * (moved - decays * ((T(1) - a) * crossed * s));
    to_membrane[j] = a * d;
  }
}

template <class T>
using Backward = void (*)(const Neurons<T>&, const Moment<T>&, const Carried<T>&);

template <class T, int KIND>
static Backward<T> backward_of_kind(const Neurons<T>& c) {
  if (!c.trace_decay) return backward_step<T, KIND, false, false>;
  return c.immediate ? backward_step<T, KIND, true, true> : backward_step<T, KIND, true, false>;
}

template <class T>
static Backward<T> backward_of(const Neurons<T>& c, int64_t kind) {
  if (kind == GAUSSIAN) return backward_of_kind<T, GAUSSIAN>(c);
  if (kind == MULTI_GAUSSIAN) return backward_of_kind<T, MULTI_GAUSSIAN>(c);
  return kind == LINEAR ? backward_of_kind<T, LINEAR>(c) : backward_of_kind<T, SLAYER>(c);
}

// Columns of weights that a product takes at a time, and rows of samples.
template <class T>
constexpr int64_t PANEL_WIDTH = 2 * Lanes<T>::width;
constexpr int PRODUCT_ROWS = REGISTERS == 32 ? 8 : 4;

// Panels of weight (to, from): of every PANEL_WIDTH columns all rows, padded with zeros.
template <class T>
static void pack_panels(const T* weight, int64_t n, T* panels) {
  for (int64_t column = 0; column < n; column += PANEL_WIDTH<T>)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t k = 0; k < PANEL_WIDTH<T>; ++k)
        *panels++ = column + k < n ? weight[i * n + column + k] : T(0);
}

// out (rows, n) += of_current (rows, n) weight (n, n), one panel; of no more than PRODUCT_ROWS rows.
template <class T, int ROWS>
static void multiply_panel(const T* of_current, int64_t n, const T* panel, T* out, int64_t width) {
  using L = Lanes<T>;
  typename L::Vec sums[ROWS][2];
#pragma GCC unroll 8
  for (int row = 0; row < ROWS; ++row) sums[row][0] = sums[row][1] = L::zero();
  for (int64_t i = 0; i < n; ++i, panel += PANEL_WIDTH<T>) {
    const auto first = L::load(panel), second = L::load(panel + L::width);
#pragma GCC unroll 8
    for (int row = 0; row < ROWS; ++row) {
      const auto value = L::all(of_current[row * n + i]);
      sums[row][0] = L::multiply_add(value, first, sums[row][0]);
      sums[row][1] = L::multiply_add(value, second, sums[row][1]);
    }
  }
  alignas(64) T line[PANEL_WIDTH<T>];
  for (int row = 0; row < ROWS; ++row) {
    L::store(line, sums[row][0]);
    L::store(line + L::width, sums[row][1]);
    for (int64_t k = 0; k < width; ++k) out[row * n + k] += line[k];
  }
}

template <class T>
static void multiply(const T* of_current, int64_t rows, int64_t n, const T* panels, T* out) {
  for (int64_t column = 0; column < n; column += PANEL_WIDTH<T>, panels += n * PANEL_WIDTH<T>) {
    const int64_t width = n - column < PANEL_WIDTH<T> ? n - column : PANEL_WIDTH<T>;
    int64_t row = 0;
    for (; row + PRODUCT_ROWS <= rows; row += PRODUCT_ROWS)
      multiply_panel<T, PRODUCT_ROWS>(of_current + row * n, n, panels, out + row * n + column, width);
    for (; row < rows; ++row)
      multiply_panel<T, 1>(of_current + row * n, n, panels, out + row * n + column, width);
  }
}

struct ScanBack {
  const ScanArgs& a;
  const ScanGradientArgs& g;
  const void* panels;
  int64_t rows, next;
};

// Traces before and after each step from the last one kept up to `stop`; row k is before step k.
template <class T>
static void recall(const Neurons<T>& c, const ScanArgs& a, int64_t from, int64_t stop, int64_t start,
                   int64_t rows, T* traces) {
  const int64_t n = c.n, block = rows * n, all = a.batch * n;
  copy(traces, static_cast<const T*>(a.traces) + from / CHECKPOINT * all + start, block);
  for (int64_t t = from; t < stop; ++t, traces += block) {
    const T* spikes = t ? static_cast<const T*>(a.spikes) + (t - 1) * all : static_cast<const T*>(a.spikes_start);
    for (int64_t row = 0; row < rows; ++row) {
      const T *__restrict s = spikes + start + row * n, *__restrict old = traces + row * n;
      const T* __restrict decay = c.trace_decay;
      T* __restrict now = traces + block + row * n;
      for (int64_t j = 0; j < n; ++j) now[j] = decay[j] * old[j] + (T(1) - decay[j]) * s[j];
    }
  }
}

template <class T>
static void start_from(T* to, const void* given, int64_t start, int64_t n) {
  if (given) return copy(to, static_cast<const T*>(given) + start, n);
  for (int64_t j = 0; j < n; ++j) to[j] = T(0);
}

template <class T>
static void scan_back_rows(const ScanBack& job, int64_t first, int64_t rows) {
  const ScanArgs& a = job.a;
  const ScanGradientArgs& g = job.g;
  const Neurons<T> c = neurons_of<T>(a);
  const Backward<T> step = backward_of<T>(c, g.surrogate);
  const int64_t n = a.units, block = rows * n, all = a.batch * n, start = first * n;
  T* nothing = static_cast<T*>(scratch(SCAN, static_cast<size_t>(n + (CHECKPOINT + 1) * block) * sizeof(T)));
  T* traces = nothing + n;
  start_from<T>(nothing, nullptr, 0, n);
  T *to_spikes = static_cast<T*>(g.to_spikes) + start, *to_membrane = static_cast<T*>(g.to_membrane) + start;
  T *to_trace = static_cast<T*>(g.to_trace), *of_decay = static_cast<T*>(g.of_decay) + start;
  T* of_trace_decay = static_cast<T*>(g.of_trace_decay);
  start_from<T>(to_spikes, nullptr, 0, block);
  start_from<T>(of_decay, nullptr, 0, block);
  start_from<T>(to_membrane, g.of_membrane_end, start, block);
  if (c.trace_decay) {
    start_from<T>(to_trace += start, g.of_trace_end, start, block);
    start_from<T>(of_trace_decay += start, nullptr, 0, block);
  }
  const auto row_of = [&](const void* gradient, int64_t at) {
    return gradient ? static_cast<const T*>(gradient) + at : nothing;
  };
  for (int64_t t = a.time - 1, kept = a.time; t >= 0; --t) {
    if (c.trace_decay && t < kept) {
      kept = t / CHECKPOINT * CHECKPOINT;
      recall<T>(c, a, kept, t + 1, start, rows, traces);
    }
    const T* before = t ? static_cast<const T*>(a.spikes) + (t - 1) * all : static_cast<const T*>(a.spikes_start);
    const T* lower = t ? static_cast<const T*>(a.membrane) + (t - 1) * all
                       : static_cast<const T*>(a.membrane_start);
    const int64_t moment = t * all + start;
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t at = row * n;
      const T* trace = c.trace_decay ? traces + (t - kept) * block + at : nullptr;
      const Moment<T> m{row_of(g.of_spikes, moment + at), row_of(g.of_membrane, moment + at),
                        static_cast<const T*>(a.membrane) + moment + at, lower + start + at,
                        before + start + at, trace ? trace + block : nullptr, trace,
                        static_cast<T*>(g.of_current) + moment + at};
      step(c, m, {to_spikes + at, to_membrane + at, to_trace + at, of_decay + at, of_trace_decay + at});
    }
    if (job.panels)
      multiply<T>(static_cast<const T*>(g.of_current) + moment, rows, n,
                  static_cast<const T*>(job.panels), to_spikes);
  }
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < n; ++j) {
      const T leak = T(1) - c.decay[j];
      of_decay[row * n + j] = leak > 0 ? of_decay[row * n + j] / leak : T(0);
    }
}

template <class T>
static void scan_back_tasks(void* context) {
  auto& job = *static_cast<ScanBack*>(context);
  const int64_t batch = job.a.batch;
  for (int64_t task; (task = next_task(job.next)) * job.rows < batch;) {
    const int64_t first = task * job.rows, left = batch - first;
    scan_back_rows<T>(job, first, left < job.rows ? left : job.rows);
  }
}

// Gradient of the recurrent weights (from, to): of every spike, the row of gradients a step later.
template <class T>
static void weight_columns(const ScanBack& job, int64_t first, int64_t columns) {
  const ScanArgs& a = job.a;
  const int64_t n = a.units, all = a.batch * n;
  T* out = static_cast<T*>(job.g.of_recurrent);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < columns; ++k) out[i * n + first + k] = T(0);
  for (int64_t t = 0; t < a.time; ++t) {
    const T* before = t ? static_cast<const T*>(a.spikes) + (t - 1) * all : static_cast<const T*>(a.spikes_start);
    const T* current = static_cast<const T*>(job.g.of_current) + t * all + first;
    for (int64_t row = 0; row < a.batch; ++row, before += n, current += n)
      for (int64_t j = 0; j < n; ++j) {
        const T s = before[j];
        if (s == 0) continue;
        T* __restrict sum = out + j * n + first;
        const T* __restrict add = current;
        for (int64_t k = 0; k < columns; ++k) sum[k] += s * add[k];
      }
  }
}

template <class T>
static void weight_tasks(void* context) {
  auto& job = *static_cast<ScanBack*>(context);
  const int64_t n = job.a.units;
  for (int64_t task; (task = next_task(job.next)) * job.rows < n;) {
    const int64_t first = task * job.rows, left = n - first;
    weight_columns<T>(job, first, left < job.rows ? left : job.rows);
  }
}

template <class T>
static void scan_back(const ScanArgs& a, const ScanGradientArgs& g) {
  const int64_t n = a.units;
  ScanBack job{a, g, nullptr, rows_of_task(a.batch, n, a.threads, a.recurrent ? 8192 : 2048), 0};
  if (a.recurrent) {
    const int64_t wide = (n + PANEL_WIDTH<T> - 1) / PANEL_WIDTH<T> * PANEL_WIDTH<T>;
    T* panels = static_cast<T*>(scratch(PANELS, static_cast<size_t>(n * wide) * sizeof(T)));
    pack_panels<T>(static_cast<const T*>(a.recurrent), n, panels);
    job.panels = panels;
  }
  parallel(a.threads, scan_back_tasks<T>, &job);
  if (g.of_recurrent) {
    constexpr int64_t LINE = 64 / sizeof(T);
    const int64_t lines = (n + LINE - 1) / LINE;
    ScanBack weights{a, g, nullptr, (lines + a.threads - 1) / a.threads * LINE, 0};
    parallel(a.threads, weight_tasks<T>, &weights);
  }
}

static void scan_gradient(const ScanGradientArgs& g) {
  g.scan.is_double ? scan_back<double>(g.scan, g) : scan_back<float>(g.scan, g);
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
