// Whole layers: which windows there are, who computes them, and where the results go.
#pragma once

#include "counting.hpp"
#include "packing.hpp"
#include "pooling.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

constexpr int MOST_REGISTERS = 16;
constexpr int MOST_TOGETHER = REGISTERS == 32 ? 7 : 2;
constexpr int64_t BAND_BYTES = 1 << 17;
constexpr int64_t ALL_WINDOWS = INT64_MAX / 2;
// Groups of windows that are read out in turn, and the bytes of weights at a time.
constexpr int GROUPS = 4;
constexpr int64_t READ_BYTES = 1 << 18;

// How many spikes surely leave every sum at or below the least threshold. Rounding never turns a
// smaller sum into a larger one, so adding the largest weight n times bounds n weights of any sign.
template <class T>
static int64_t quiet_spikes(T largest, T threshold, int64_t inputs) {
  T bound = 0;
  if (!(bound <= threshold)) return -1;
  if (!(largest > 0)) return inputs;
  for (int64_t n = 0; n < inputs; ++n) {
    bound += largest;
    if (!(bound <= threshold)) return n;
  }
  return inputs;
}

// The least and the largest of rows of weights, and of 0.
template <class T>
static void find_range(const T* weight, int64_t n, T& least_weight, T& largest) {
  using L = Lanes<T>;
  typename L::Vec low = L::zero(), high = L::zero();
  for (int64_t i = 0; i < n; i += L::width) {
    // of a NaN and a number, the second is taken
    low = L::lower(L::load(weight + i), low);
    high = L::higher(L::load(weight + i), high);
  }
  alignas(64) T lows[L::width], highs[L::width];
  L::store(lows, low);
  L::store(highs, high);
  least_weight = largest = 0;
  for (int lane = 0; lane < L::width; ++lane) {
    least_weight = lows[lane] < least_weight ? lows[lane] : least_weight;
    largest = highs[lane] > largest ? highs[lane] : largest;
  }
}

// Whether a layer's spikes may be counted if its weights allow: a byte tells its inputs and one more.
static bool may_count(const ConvolutionArgs& a) {
  return !a.is_double && a.threshold && !a.maps_out && !a.potential_out &&
         a.kernel_height * a.kernel_width * a.channels < 256;
}

// What kernels know of a layer, with its weights in rows.
template <class T>
static Layer<T> prepare(const ConvolutionArgs& a, const T* weight, T* threshold) {
  Layer<T> layer{};
  layer.maps = a.maps;
  layer.row = padded_maps<T>(a.maps);
  layer.inputs = a.kernel_height * a.kernel_width * a.channels;
  layer.n_bins = a.n_bins;
  layer.weight = weight;
  layer.read_out = a.threshold == nullptr;
  layer.inhibited = a.maps_out != nullptr;
  layer.with_potential = layer.inhibited || a.potential_out != nullptr;
  T least_weight = 0;
  T least_threshold = static_cast<T>(__builtin_inf());
  if (!layer.read_out)
    find_range(layer.weight, layer.inputs * layer.row, least_weight, layer.largest);
  layer.one_threshold = true;
  for (int64_t m = 0; m < layer.row; ++m) {
    threshold[m] = static_cast<T>(__builtin_inf());
    if (m >= a.maps) continue;
    threshold[m] = layer.read_out ? T(0) : static_cast<const T*>(a.threshold)[m];
    least_threshold = threshold[m] < least_threshold ? threshold[m] : least_threshold;
    // NaN, which is never passed, equals nothing
    layer.one_threshold = layer.one_threshold && threshold[m] == threshold[0] && threshold[m] >= 0;
  }
  layer.threshold = threshold;
  layer.growing = least_weight >= 0;
  layer.quiet = quiet_spikes<T>(layer.largest, least_threshold, layer.inputs);
  layer.counted = may_count(a) && layer.growing && layer.quiet >= 0;
  return layer;
}

template <class T, class Index>
struct Plan {
  Block<T, Index> block[2];  // registers are shared out evenly: some blocks have one more
  int64_t n_blocks, n_wide, maps[2];
};

template <class T>
struct Convolution {
  const ConvolutionArgs& a;
  Layer<T> layer;
  int64_t out_height, out_width, bands, rows;  // rows a band
  int64_t together;                            // samples a task
  int64_t pooled_height, pooled_width;
  int64_t next;
};

template <class T, class Index, int MOST>
static Plan<T, Index> planned(int64_t maps) {
  const int64_t width = Lanes<T>::width, registers = (maps + width - 1) / width;
  Plan<T, Index> plan{};
  plan.n_blocks = (registers + MOST - 1) / MOST;
  const int64_t narrow = registers / plan.n_blocks;
  plan.n_wide = registers - narrow * plan.n_blocks;
  for (int i = 0; i < 2; ++i) {
    const int64_t here = narrow + (i == 0 && plan.n_wide);
    plan.block[i] = fire_of<T, Index, MOST>(static_cast<int>(here));
    plan.maps[i] = here * width;
  }
  return plan;
}

// The neurons of one window.
template <class T, class Index>
static void window(const Layer<T>& layer, const Plan<T, Index>& plan, Events<Index>& events,
                   Outcome<T>& out) {
  int64_t first = 0;
  for (int64_t b = 0; b < plan.n_blocks; ++b) {
    const int kind = b >= plan.n_wide;
    plan.block[kind](layer, events, first, out);
    first += plan.maps[kind];
  }
}

// Where a task's output rows go: latencies and potentials of `columns` windows a row.
template <class T>
struct Target {
  uint8_t* latency;
  T* potential;
  int64_t* map;
};

// What one window's neurons did, at its place.
template <class T>
inline void write(const Layer<T>& layer, const Outcome<T>& out, const Target<T>& to, int64_t at) {
  if (layer.inhibited) {
    to.latency[at] = static_cast<uint8_t>(out.best_time);
    to.potential[at] = out.best_potential;
    to.map[at] = out.best_map;
    return;
  }
  copy_bytes(to.latency + at * layer.maps, out.latency, layer.maps);
  if (to.potential)
    memcpy(to.potential + at * layer.maps, out.potential,
           sizeof(T) * static_cast<size_t>(layer.maps));
}

// How far strips are sorted at first, how many windows they have at most, and whether they tell rows.
struct Sorting {
  uint8_t latest;
  int64_t most_windows;
  bool tell_rows;
};

// The windows of some output rows of a sample, column by column.
template <class T, class Index>
struct Windows {
  Events<Index> events{};  // of the window at hand
  int64_t n_active = 0, n_spikes = 0;  // windows that are not passed over, and their spikes
  int64_t n_events = 0;                // spikes of all windows

  Windows(const Convolution<T>& job, int64_t sample, int64_t first_row, int64_t n_rows)
      : a_(job.a),
        layer_(job.layer),
        n_rows_(n_rows),
        width_(job.out_width),
        band_{nullptr, (n_rows - 1) * a_.down + a_.kernel_height,
              (width_ - 1) * a_.across + a_.kernel_width, a_.channels},
        strip_(band_.rows, a_.kernel_width * a_.channels, a_.n_bins) {
    band_.bytes = static_cast<uint8_t*>(
        scratch(BAND, static_cast<size_t>(band_.rows * band_.columns * a_.channels)));
    fill_band(band_, source_of(a_, sample), first_row * a_.down - a_.top, -a_.left, a_.n_bins);
    events.lay_out(static_cast<uint8_t*>(scratch(LISTS, Events<Index>::size(layer_.inputs))),
                   layer_.inputs);
    events.quiet = layer_.quiet;
    count();
  }

  // Calls pass_over(place) or, with its spikes at hand, visit(place) for every window.
  template <class Visit, class PassOver>
  void each(const Sorting& sorting, const Visit& visit, const PassOver& pass_over);

  // So many windows one below the other as have about so many spikes together.
  int64_t windows_of(int64_t spikes) const {
    const int64_t rows = spikes * a_.kernel_height * n_active / most(n_spikes, 1);
    return most(1, (least(rows, 256) - a_.kernel_height) / a_.down + 1);
  }

  void add_work(int64_t (&work)[N_WORK]) const {
    work[WINDOWS] += n_rows_ * width_;
    work[WINDOWS_PASSED_OVER] += n_rows_ * width_ - n_active;
    work[EVENTS] += n_events;
  }

  // of the bins, but not so few that they are soon through
  uint8_t quarter() const { return static_cast<uint8_t>(strip_.quarter() - 1); }

 private:
  const ConvolutionArgs& a_;
  const Layer<T>& layer_;
  const int64_t n_rows_, width_;
  Band band_;
  Strip<Index> strip_;
  uint32_t* counts_ = nullptr;  // spikes of each window

  bool passed_over(int64_t place) const { return counts_[place] <= layer_.quiet; }
  void count();
};

template <class T, class Index>
void Windows<T, Index>::count() {
  const int64_t n = n_rows_ * width_, n_pixels = band_.rows * band_.columns;
  counts_ = static_cast<uint32_t*>(
      scratch(COUNTS_OF, 4 * static_cast<size_t>(n + n_pixels + band_.columns)));
  uint32_t *pixels = counts_ + n, *columns = pixels + n_pixels;
  memset(pixels, 0, 4 * static_cast<size_t>(n_pixels));
  count_pixels(band_, pixels, [](const uint8_t* bytes) { return ~equal_bytes(bytes, SILENT); });
  count_windows(band_, a_, pixels, n_rows_, width_, columns, counts_);
  for (int64_t i = 0; i < n; ++i) {
    n_events += counts_[i];
    n_active += !passed_over(i);
    n_spikes += passed_over(i) ? 0 : counts_[i];
  }
}

template <class T, class Index>
template <class Visit, class PassOver>
void Windows<T, Index>::each(const Sorting& sorting, const Visit& visit, const PassOver& pass_over) {
  for (int64_t x = 0; x < width_; ++x)
    for (int64_t y = 0, first = 0, end = 0; y < n_rows_; ++y) {
      const int64_t place = y * width_ + x;
      if (passed_over(place)) {
        pass_over(place);
        continue;
      }
      if (y >= end) {
        // a strip from here to the last window below that is not passed over
        first = y;
        end = least(n_rows_, y + sorting.most_windows);
        while (passed_over((end - 1) * width_ + x)) --end;
        strip_.sort(band_, y * a_.down, x * a_.across, (end - 1 - y) * a_.down + a_.kernel_height,
                    a_.kernel_width, sorting.latest, sorting.tell_rows);
      }
      events.open(strip_, counts_[place], (y - first) * a_.down, a_.kernel_height,
                  a_.kernel_width * a_.channels);
      visit(place);
    }
}

// Windows one by one, no further in time than their neurons need.
template <class T, class Index>
static void fire_windows(const Layer<T>& layer, const Plan<T, Index>& plan,
                         Windows<T, Index>& windows, const Target<T>& to, int64_t (&work)[N_WORK]) {
  const size_t row = static_cast<size_t>(layer.row);
  T* potential = static_cast<T*>(scratch(OUTCOME, row * (sizeof(T) + 1) + 64));
  Outcome<T> out{reinterpret_cast<uint8_t*>(potential + row), potential, 0, 0, 0, 0};
  const auto reset = [&] {
    if (!layer.inhibited) memset(out.latency, SILENT, row);
    if (!layer.inhibited && layer.with_potential) memset(potential, 0, row * sizeof(T));
    out.best_time = SILENT;
    out.best_map = -1;
    out.best_potential = 0;
  };
  const auto visit = [&](int64_t place) {
    reset();
    window(layer, plan, windows.events, out);
    write(layer, out, to, place);
  };
  const auto pass_over = [&](int64_t place) {
    reset();
    write(layer, out, to, place);
  };
  windows.each({windows.quarter(), ALL_WINDOWS, false}, visit, pass_over);
  work[ADDITIONS] += out.additions;
}

// Windows of which some at a time are listed, with all of their spikes, and then counted.
template <int STEP>
static void list_windows(const Layer<float>& layer, Windows<float, uint8_t>& windows, uint8_t* latency,
                         int64_t (&work)[N_WORK]) {
  Lists<STEP> lists(layer.inputs);
  const auto visit = [&](int64_t place) {
    lists.add(windows.events, latency + place * layer.maps);
    if (lists.full()) count_all(layer, lists);
  };
  const auto pass_over = [&](int64_t place) {
    memset(latency + place * layer.maps, SILENT, static_cast<size_t>(layer.maps));
  };
  const bool chosen = Lists<STEP>::chosen;
  windows.each({SILENT, chosen ? windows.windows_of(CHOSEN_FROM) : ALL_WINDOWS, chosen}, visit,
               pass_over);
  count_all(layer, lists);
  work[ADDITIONS] += windows.n_spikes * layer.maps;
}

template <class T, class Index>
static void convolve_rows(const Convolution<T>& job, const Plan<T, Index>& plan, int64_t sample,
                          int64_t first_row, int64_t n_rows, const Target<T>& to,
                          int64_t (&work)[N_WORK]) {
  const Layer<T>& layer = job.layer;
  Windows<T, Index> windows(job, sample, first_row, n_rows);
  windows.add_work(work);
  if constexpr (sizeof(Index) == 1) {
    if (layer.counted) {
      // where bins have few spikes, to fill them up takes longer than to look twice
      const bool many = windows.n_spikes >= 2 * layer.n_bins * windows.n_active;
      return many ? list_windows<2>(layer, windows, to.latency, work)
                  : list_windows<1>(layer, windows, to.latency, work);
    }
  }
  fire_windows(layer, plan, windows, to, work);
}

// The inputs that spike in any of up to TOGETHER windows, given by their first bytes; returns how many
// spikes there are.
static int64_t list_readings(Readings& readings, const uint8_t* const (&corner)[TOGETHER], int64_t n,
                             int64_t row_bytes, int64_t height, int64_t length) {
  readings.n = readings.done = 0;
  int64_t n_spikes = 0;
  for (int64_t i = 0; i < height; ++i)
    for (int64_t at = 0; at < length; at += 64) {
      const uint64_t inside = first_bits(length - at);
      uint64_t spikes[TOGETHER] = {0}, any = 0;
      for (int64_t p = 0; p < n; ++p) {
        any |= spikes[p] = inside & ~equal_bytes(corner[p] + i * row_bytes + at, SILENT);
        n_spikes += __builtin_popcountll(spikes[p]);
      }
      for (; any; any &= any - 1) {
        const int bit = __builtin_ctzll(any);
        uint32_t who = 0;
        for (int p = 0; p < TOGETHER; ++p) who |= static_cast<uint32_t>(spikes[p] >> bit & 1) << p;
        readings.input[readings.n] = static_cast<uint32_t>(i * length + at + bit);
        readings.who[readings.n++] = static_cast<uint8_t>(who);
      }
    }
  return n_spikes;
}

// Rows of some samples without a threshold: windows of the same place in all samples together, or
// neighbours where there is one sample.
template <class T>
static void read_out_rows(const Convolution<T>& job, int64_t first_sample, int64_t n_samples,
                          int64_t first_row, int64_t n_rows, const Target<T> (&to)[TOGETHER],
                          int64_t (&work)[N_WORK]) {
  const ConvolutionArgs& a = job.a;
  const Layer<T>& layer = job.layer;
  const int64_t rows = (n_rows - 1) * a.down + a.kernel_height;
  const int64_t columns = (job.out_width - 1) * a.across + a.kernel_width;
  const int64_t size = rows * columns * a.channels;
  auto* bytes = static_cast<uint8_t*>(scratch(BAND, static_cast<size_t>(size * n_samples)));
  for (int64_t p = 0; p < n_samples; ++p) {
    Band band{bytes + p * size, rows, columns, a.channels};
    fill_band(band, source_of(a, first_sample + p), first_row * a.down - a.top, -a.left, a.n_bins);
  }
  const size_t inputs = static_cast<size_t>(layer.inputs), row = static_cast<size_t>(layer.row);
  auto* memory = static_cast<uint8_t*>(
      scratch(LISTS, GROUPS * (TOGETHER * row * sizeof(T) + 5 * inputs) + row));
  T* potential[GROUPS][TOGETHER];
  Readings readings[GROUPS];
  for (int g = 0; g < GROUPS; ++g)
    for (int p = 0; p < TOGETHER; ++p)
      potential[g][p] = reinterpret_cast<T*>(memory) + static_cast<size_t>(g * TOGETHER + p) * row;
  auto* lists = reinterpret_cast<uint32_t*>(potential[GROUPS - 1][TOGETHER - 1] + row);
  for (size_t g = 0; g < GROUPS; ++g) readings[g].input = lists + g * inputs;
  for (size_t g = 0; g < GROUPS; ++g)
    readings[g].who = reinterpret_cast<uint8_t*>(lists + GROUPS * inputs) + g * inputs;
  uint8_t* latency = readings[GROUPS - 1].who + inputs;
  const int64_t windows = n_rows * job.out_width * n_samples;
  const int64_t block = most(READ_BYTES / (layer.row * static_cast<int64_t>(sizeof(T))), 1);
  int64_t n_spikes = 0;
  for (int64_t first = 0; first < windows; first += GROUPS * TOGETHER) {
    const int64_t here = least(GROUPS * TOGETHER, windows - first);
    const int64_t groups = (here + TOGETHER - 1) / TOGETHER;
    for (int64_t g = 0; g < groups; ++g) {
      const uint8_t* corner[TOGETHER] = {};
      const int64_t from = first + g * TOGETHER, n = least(TOGETHER, windows - from);
      for (int64_t p = 0; p < n; ++p) {
        const int64_t place = (from + p) / n_samples, y = place / job.out_width;
        const int64_t at = y * a.down * columns + place % job.out_width * a.across;
        corner[p] = bytes + (from + p) % n_samples * size + at * a.channels;
      }
      n_spikes += list_readings(readings[g], corner, n, columns * a.channels, a.kernel_height,
                                a.kernel_width * a.channels);
      memset(potential[g][0], 0, TOGETHER * row * sizeof(T));
    }
    // rows of weights that stay in the caches while all groups have their turn
    for (int64_t from = 0; from < layer.inputs; from += block) {
      const auto stop = static_cast<uint32_t>(least(from + block, layer.inputs));
      for (int64_t g = 0; g < groups; ++g)
        readings[g].done = add_blocks<T, MOST_TOGETHER>(layer, readings[g], stop, 0, potential[g]);
    }
    for (int64_t w = 0; w < here; ++w) {
      Outcome<T> out{latency, potential[w / TOGETHER][w % TOGETHER], SILENT, -1, 0, 0};
      read_out(layer, out);
      write(layer, out, to[(first + w) % n_samples], (first + w) / n_samples);
    }
  }
  work[WINDOWS] += windows;
  work[EVENTS] += n_spikes;
  work[ADDITIONS] += n_spikes * a.maps;
}

// Output rows of the convolution that pooled rows first, first + 1, ... look at, pooled at once.
template <class T, class Index>
static void convolve_and_pool(const Convolution<T>& job, const Plan<T, Index>& plan,
                              int64_t sample, int64_t first, int64_t n_rows,
                              int64_t (&work)[N_WORK]) {
  const ConvolutionArgs& a = job.a;
  const int64_t c = a.maps;
  Band band{nullptr, (n_rows - 1) * a.pool_down + a.pool_height,
            (job.pooled_width - 1) * a.pool_across + a.pool_width, c};
  const int64_t size = band.rows * band.columns * c, dense = band.rows * job.out_width * c;
  uint8_t* memory = static_cast<uint8_t*>(scratch(ROWS, static_cast<size_t>(size + dense)));
  band.bytes = memory + dense;
  const int64_t top = first * a.pool_down - a.pool_top;
  const int64_t from = most(top, 0), to = least(top + band.rows, job.out_height);
  const Target<T> here[TOGETHER] = {{memory, nullptr, nullptr}};
  if (to > from && job.layer.read_out)
    read_out_rows(job, sample, 1, from, to - from, here, work);
  else if (to > from)
    convolve_rows<T, Index>(job, plan, sample, from, to - from, here[0], work);
  const Source source{memory, c, most(to - from, 0), job.out_width, 1, job.out_width * c, c};
  fill_band(band, source, top - from, -a.pool_left, SILENT);
  pool_rows(band, a.pool_height, a.pool_width, a.pool_down, a.pool_across, n_rows, job.pooled_width,
            a.latency_out + (sample * job.pooled_height + first) * job.pooled_width * c);
}

// Where the rows of a sample from row `first` on go.
template <class T>
static Target<T> target(const Convolution<T>& job, int64_t sample, int64_t first) {
  const ConvolutionArgs& a = job.a;
  const int64_t at = (sample * job.out_height + first) * job.out_width;
  const int64_t written = job.layer.inhibited ? 1 : a.maps;
  T* potential = static_cast<T*>(a.potential_out);
  return {a.latency_out + at * written, potential ? potential + at * written : nullptr,
          a.maps_out ? a.maps_out + at : nullptr};
}

template <class T, class Index, int MOST>
static void convolve_tasks(void* context) {
  auto& job = *static_cast<Convolution<T>*>(context);
  const ConvolutionArgs& a = job.a;
  const Plan<T, Index> plan = planned<T, Index, MOST>(a.maps);
  int64_t work[N_WORK] = {0};
  const int64_t height = a.pool_height ? job.pooled_height : job.out_height;
  const int64_t groups = (a.batch + job.together - 1) / job.together;
  for (int64_t task; (task = next_task(job.next)) < groups * job.bands;) {
    const int64_t sample = task / job.bands * job.together, first = task % job.bands * job.rows;
    const int64_t n_rows = least(job.rows, height - first);
    if (a.pool_height) {
      convolve_and_pool<T, Index>(job, plan, sample, first, n_rows, work);
      continue;
    }
    const int64_t n_samples = least(job.together, a.batch - sample);
    Target<T> to[TOGETHER] = {};
    for (int64_t p = 0; p < n_samples; ++p) to[p] = target(job, sample + p, first);
    if (job.layer.read_out)
      read_out_rows(job, sample, n_samples, first, n_rows, to, work);
    else
      convolve_rows<T, Index>(job, plan, sample, first, n_rows, to[0], work);
  }
  if (a.work)
    for (int i = 0; i < N_WORK; ++i) add_work(a.work[i], work[i]);
}

// How kernels are made for so many inputs: the numbers that stand for them, and the most registers of
// maps at a time.
template <class I, int REGISTERS_AT_ONCE>
struct Kind {
  using Index = I;
  static constexpr int MOST = REGISTERS_AT_ONCE;
};

template <class T, class Make>
static void (*of_kind(int64_t inputs, const Make& make))(void*) {
  if constexpr (sizeof(T) == 4) {
    if (inputs <= 256) return make(Kind<uint8_t, MOST_REGISTERS>{});
    if (inputs <= 65536) return make(Kind<uint16_t, MOST_REGISTERS>{});
  }
  return make(Kind<uint32_t, 4>{});
}

template <class T>
static void convolve(const ConvolutionArgs& a) {
  const int64_t out_height = positions(a.height, a.top, a.bottom, a.kernel_height, a.down);
  const int64_t out_width = positions(a.width, a.left, a.right, a.kernel_width, a.across);
  const int64_t row = padded_maps<T>(a.maps);
  T* threshold = static_cast<T*>(scratch(THRESHOLDS, sizeof(T) * static_cast<size_t>(row)));
  Convolution<T> job{a, prepare<T>(a, packed<T>(a, row, may_count(a)), threshold), out_height, out_width, 1, 1, 1,
                     0, 0, 0};
  if (job.layer.read_out && !a.pool_height) job.together = TOGETHER;
  int64_t height = out_height, down = a.down;
  if (a.pool_height) {
    job.pooled_height = height =
        positions(out_height, a.pool_top, a.pool_bottom, a.pool_height, a.pool_down);
    job.pooled_width =
        positions(out_width, a.pool_left, a.pool_right, a.pool_width, a.pool_across);
    down *= a.pool_down;
  }
  const int64_t groups = (a.batch + job.together - 1) / job.together;
  // enough tasks to share out, and bands that stay in the caches
  const int64_t wanted = least(height, (4 * a.threads + groups - 1) / groups);
  // as real numbers, because steps may be beyond all measure
  const double columns = static_cast<double>(out_width) * static_cast<double>(a.across) +
                         static_cast<double>(a.kernel_width);
  const double row_bytes = columns * static_cast<double>(down) * static_cast<double>(a.channels);
  const int64_t fit = row_bytes < BAND_BYTES ? BAND_BYTES / most(static_cast<int64_t>(row_bytes), 1) : 1;
  job.rows = least((height + wanted - 1) / wanted, fit);
  job.bands = (height + job.rows - 1) / job.rows;
  const auto tasks = [](auto kind) {
    using K = decltype(kind);
    return convolve_tasks<T, typename K::Index, K::MOST>;
  };
  parallel(a.threads, of_kind<T>(job.layer.inputs, tasks), &job);
}

static void convolution(const ConvolutionArgs& a) {
  if (a.is_double)
    convolve<double>(a);
  else
    convolve<float>(a);
}

// Adds rows of a block of weights, to be timed: the bound that memory sets. Returns the additions.
static int64_t row_additions(int64_t rows, int64_t maps, int64_t repeats) {
  using L = Lanes<float>;
  constexpr int N = 8;
  const int64_t row = (maps + 15) / 16 * 16, step = N * L::width;
  float* weight = static_cast<float*>(scratch(PACKED, sizeof(float) * static_cast<size_t>(rows * row)));
  for (int64_t i = 0; i < rows * row; ++i) weight[i] = 1.0f;
  uint16_t* input = static_cast<uint16_t*>(scratch(LISTS, 2 * static_cast<size_t>(rows)));
  // by a prime step, so that every row comes, and none after its neighbour
  for (int64_t r = 0; r < rows; ++r) input[r] = static_cast<uint16_t>(r * 7919 % rows);
  float* sums = static_cast<float*>(scratch(THRESHOLDS, sizeof(float) * static_cast<size_t>(step)));
  int64_t additions = 0;
  for (int64_t i = 0; i < repeats; ++i)
    for (int64_t first = 0; first + step <= row; first += step) {
      L::Vec sum[N];
      for (auto& s : sum) s = L::zero();
      add_rows(sum, weight + first, row, input, 0, rows);
      for (int v = 0; v < N; ++v) L::store(opaque(sums) + v * L::width, sum[v]);
      additions += rows * step;
    }
  return additions;
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
