// From latencies to the spikes of a window, in the order in which they arrive.
//
// Windows one below the other share most of their inputs. The spikes of all of them, a strip, are
// therefore sorted once: by bin, then (row, column, channel). What a window has of a bin lies side by
// side then, and is copied from there, bin by bin. Sorting goes on by a few bins at a time, a stage,
// and no further than one of the windows asks.
#pragma once

#include "band.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

// Space for so many values and for what whole registers write after the last one.
inline size_t roomy(int64_t values) { return (static_cast<size_t>(values) + 191) / 64 * 64; }

// Bins that have been sorted together.
struct Stage {
  uint32_t* start;
  uint8_t* bin;
  int n_bins;
};

// The spikes of windows one below the other; an input is the row of its weights in the first window.
template <class Index>
struct Strip {
  uint8_t* latency;   // of spikes, unsorted
  Index* unsorted;    // their inputs
  Index* input;       // sorted
  Index* numbers;     // 0, 1, 2, ... as many as a row has latencies
  uint8_t *row, *time;  // of those that are sorted, where asked for
  int64_t* row_end;   // in the unsorted ones
  uint32_t* start;    // of each stage (row, bin): where spikes of a bin from a row on are sorted to
  uint8_t bin[256];   // those that are not empty
  Stage stages[8];
  int n_stages;

  // For so many rows of so many latencies in so many bins; one at a time in each thread.
  Strip(int64_t rows, int64_t length, int64_t bins) : last_(static_cast<uint8_t>(bins - 1)) {
    const size_t room = roomy(rows * length);
    auto* memory = static_cast<uint8_t*>(scratch(
        STRIP, room * (3 + 2 * sizeof(Index)) + roomy(length) * sizeof(Index) +
                   static_cast<size_t>(rows) * 8 + static_cast<size_t>((rows + 1) * bins + 16) * 4));
    latency = memory;
    unsorted = reinterpret_cast<Index*>(memory + room);
    input = unsorted + room;
    numbers = input + room;
    row = reinterpret_cast<uint8_t*>(numbers + roomy(length));
    time = row + room;
    row_end = reinterpret_cast<int64_t*>(time + room);
    start = reinterpret_cast<uint32_t*>(row_end + rows);
    for (int64_t i = 0; i < length; ++i) numbers[i] = static_cast<Index>(i);
  }

  void sort(const Band& band, int64_t first_row, int64_t first_column, int64_t n_rows, int64_t width,
            uint8_t latest, bool tell_rows);
  bool sort_later();
  int64_t n_sorted() const { return n_sorted_; }
  // of the bins, but not so few that they are soon through
  int64_t quarter() const { return most(4, (last_ + 4) / 4); }

 private:
  const uint8_t* corner_;
  int64_t stride_, rows_, length_;
  uint8_t last_, earliest_, latest_;
  uint32_t n_sorted_;
  bool tell_rows_;

  int64_t gather();
  void place();
};

// Picks the spikes of the bins asked for; returns how many there are.
template <class Index>
inline int64_t Strip<Index>::gather() {
  const uint8_t* from = corner_;
  int64_t n = 0;
  for (int64_t r = 0; r < rows_; ++r, from += stride_) {
    const Index base = static_cast<Index>(r * length_);
    for (int64_t at = 0; at < length_; at += 64) {
      const uint64_t spikes =
          first_bits(length_ - at) & bytes_between(from + at, earliest_, latest_);
      pack(latency + n, spikes, from + at);
      pack(unsorted + n, spikes, numbers + at, base);
      n += __builtin_popcountll(spikes);
    }
    row_end[r] = n;
  }
  return n;
}

template <class Index>
void Strip<Index>::place() {
  const int64_t n = gather();
  // two counts, because to count twice in a row in one place takes long
  uint32_t count[2][256], next[256];
  for (auto& half : count) memset(half + earliest_, 0, 4 * static_cast<size_t>(latest_ + 1 - earliest_));
  for (int64_t e = 0; e + 1 < n; e += 2) {
    ++count[0][latency[e]];
    ++count[1][latency[e + 1]];
  }
  if (n % 2) ++count[0][latency[n - 1]];
  uint8_t rank[256];
  Stage stage{start, bin, 0};
  if (n_stages > 0) {
    const Stage& before = stages[n_stages - 1];
    stage.start = before.start + (rows_ + 1) * before.n_bins;
    stage.bin = before.bin + before.n_bins;
  }
  for (int t = earliest_; t <= latest_; ++t) {
    const uint32_t here = count[0][t] + count[1][t];
    if (!here) continue;
    rank[t] = static_cast<uint8_t>(stage.n_bins);
    stage.bin[stage.n_bins] = static_cast<uint8_t>(t);
    next[stage.n_bins++] = n_sorted_;
    n_sorted_ += here;
  }
  const int n_bins = stage.n_bins;
  const bool tell_rows = tell_rows_;
  int64_t e = 0;
  uint32_t* row = stage.start;
  for (int64_t r = 0; r < rows_; ++r, row += n_bins) {
    for (int b = 0; b < n_bins; b += 16) memcpy(row + b, next + b, 64);
    for (; e < row_end[r]; ++e) {
      const uint32_t at = next[rank[latency[e]]]++;
      input[at] = unsorted[e];
      if (!tell_rows) continue;
      this->row[at] = static_cast<uint8_t>(r);
      time[at] = latency[e];
    }
  }
  for (int b = 0; b < n_bins; b += 16) memcpy(row + b, next + b, 64);
  stages[n_stages++] = stage;
}

// The spikes of `width` columns of the rows from first_row on, at first up to bin `latest`; of up to
// 256 rows, where the row and the bin of each are to be told.
template <class Index>
void Strip<Index>::sort(const Band& band, int64_t first_row, int64_t first_column, int64_t n_rows,
                        int64_t width, uint8_t latest, bool tell_rows) {
  corner_ = band.row(first_row) + first_column * band.channels;
  stride_ = band.columns * band.channels;
  rows_ = n_rows;
  length_ = width * band.channels;
  earliest_ = 0;
  latest_ = latest < last_ ? latest : last_;
  n_sorted_ = 0;
  n_stages = 0;
  tell_rows_ = tell_rows;
  place();
}

// The next quarter of the bins; false where none is left.
template <class Index>
inline bool Strip<Index>::sort_later() {
  if (latest_ >= last_) return false;
  earliest_ = static_cast<uint8_t>(latest_ + 1);
  latest_ = static_cast<uint8_t>(least(latest_ + quarter(), last_));
  place();
  return true;
}

// The spikes of one window: inputs, bin by bin as far as asked for.
template <class Index>
struct Events {
  Index* sorted;
  int64_t n;      // in all
  int64_t quiet;  // bins that end with no more spikes than this need not be told apart
  int n_groups;   // bins of this window that are sorted and not empty
  uint8_t* group_time;
  int64_t* group_end;

  static size_t size(int64_t inputs) {
    return roomy(inputs) * sizeof(Index) + 256 * (1 + sizeof(int64_t));
  }

  void lay_out(uint8_t* memory, int64_t inputs) {
    group_end = reinterpret_cast<int64_t*>(memory);
    group_time = memory + 256 * sizeof(int64_t);
    sorted = reinterpret_cast<Index*>(group_time + 256);
  }

  // Turns to the window of n spikes whose rows are first, first + 1, ..., first + height - 1.
  void open(Strip<Index>& strip, int64_t n_spikes, int64_t first, int64_t height, int64_t length) {
    strip_ = &strip;
    n = n_spikes;
    n_sorted_ = n_groups = stage_ = bin_ = 0;
    first_ = first;
    height_ = height;
    back_ = static_cast<Index>(-first * length);
    turn();
  }

  int64_t n_sorted() const { return n_sorted_; }

  bool sort_next_bin();
  template <int STEP>
  int64_t list(Index* inputs, uint8_t* times, Index filling) const;
  int64_t choose(Index* inputs, uint8_t* times) const;

 private:
  typedef Index Some __attribute__((vector_size(32)));
  Strip<Index>* strip_;
  const uint32_t *from_, *to_;
  int64_t n_sorted_, first_, height_;
  int stage_, bin_;
  Index back_;

  void turn();
  bool turn_on();
  NEUROSPYKE_INLINE static void copy(Index* to, const Index* from, int64_t n_spikes, Index back);
};

// Copies inputs of one bin. Whole registers, even of nothing, so that no branch depends on the data;
// the next bin overwrites what is too much.
template <class Index>
void Events<Index>::copy(Index* to, const Index* from, int64_t n_spikes, Index back) {
  const auto some = [to, from, back](int64_t at) {
    Some spikes;
    memcpy(&spikes, from + at, sizeof spikes);
    spikes += back;
    memcpy(to + at, &spikes, sizeof spikes);
  };
  constexpr int64_t WIDTH = sizeof(Some) / sizeof(Index);
  some(0);
  for (int64_t done = WIDTH; __builtin_expect(done < n_spikes, 0); done += WIDTH) some(done);
}

// To the stage at hand.
template <class Index>
inline void Events<Index>::turn() {
  const Stage& stage = strip_->stages[stage_];
  from_ = stage.start + first_ * stage.n_bins;
  to_ = from_ + height_ * stage.n_bins;
  bin_ = 0;
}

// To the next stage; false where there is none.
template <class Index>
inline bool Events<Index>::turn_on() {
  if (stage_ + 1 == strip_->n_stages && !strip_->sort_later()) return false;
  ++stage_;
  turn();
  return true;
}

// Chooses the spikes of this window from those of a strip that is sorted whole and tells their rows, 64
// at a time, and their bins; returns how many there are. Writes up to 64 more.
template <class Index>
inline int64_t Events<Index>::choose(Index* inputs, uint8_t* times) const {
  const auto first = static_cast<uint8_t>(first_), last = static_cast<uint8_t>(first_ + height_ - 1);
  const uint8_t *row = strip_->row, *time = strip_->time;
  const Index* input = strip_->input;
  const int64_t n_all = strip_->n_sorted();
  int64_t n_here = 0;
  for (int64_t at = 0; at < n_all; at += 64) {
    const uint64_t here = first_bits(n_all - at) & bytes_between(row + at, first, last);
    pack(inputs + n_here, here, input + at, back_);
    pack(times + n_here, here, time + at);
    n_here += __builtin_popcountll(here);
  }
  return n_here;
}

// Copies all spikes, of a strip that is sorted whole, each bin's filled up to whole steps of so many, and
// the bin of every step; returns how many steps there are. Writes up to 32 bytes more.
template <class Index>
template <int STEP>
inline int64_t Events<Index>::list(Index* inputs, uint8_t* times, Index filling) const {
  // a byte written may be anything to the compiler, so that what it is to keep must be its own
  const Index* const input = strip_->input;
  const Index back = back_;
  const uint32_t *from = from_, *to = to_;
  const uint8_t* const bin = strip_->stages[0].bin;
  const int n_bins = strip_->stages[0].n_bins;
  uint8_t* const start = times;
  for (int b = 0; b < n_bins; ++b) {
    const int64_t size = int64_t{to[b]} - from[b], steps = (size + STEP - 1) / STEP;
    copy(inputs, input + from[b], size, back);
    for (int i = 0; i < STEP - 1; ++i) inputs[size + i] = filling;
    memset(times, bin[b], 32);
    for (int64_t done = 32; __builtin_expect(done < steps, 0); done += 32)
      memset(times + done, bin[b], 32);
    inputs += STEP * steps;
    times += steps;
  }
  return times - start;
}

// The next bin with spikes in this window; false where there is none.
template <class Index>
inline bool Events<Index>::sort_next_bin() {
  do {
    const Stage& stage = strip_->stages[stage_];
    while (bin_ < stage.n_bins) {
      const int b = bin_++;
      const int64_t size = int64_t{to_[b]} - from_[b];
      if (size == 0) continue;
      copy(sorted + n_sorted_, strip_->input + from_[b], size, back_);
      n_sorted_ += size;
      if (n_sorted_ <= quiet && n_sorted_ < n) continue;
      group_time[n_groups] = stage.bin[b];
      group_end[n_groups++] = n_sorted_;
      return true;
    }
  } while (turn_on());
  return false;
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
