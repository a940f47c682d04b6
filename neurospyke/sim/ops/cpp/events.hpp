// From latencies to the spikes of a window, in the order in which they arrive.
#pragma once

#include <cstring>

#include "lanes.hpp"
#include "runtime.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

// The lowest n bits, all of them from 64 on.
inline uint64_t first_bits(int64_t n) { return n >= 64 ? ~0ull : (1ull << n) - 1; }

// Copies n bytes and writes nothing else; may read up to 63 more.
inline void copy_bytes(uint8_t* to, const uint8_t* from, int64_t n) {
#if defined(__AVX512VBMI2__)
  for (int64_t i = 0; i < n; i += 64) {
    const uint64_t inside = first_bits(n - i);
    _mm512_mask_storeu_epi8(to + i, _cvtu64_mask64(inside), _mm512_loadu_si512(from + i));
  }
#else
  memcpy(to, from, static_cast<size_t>(n));
#endif
}

inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// Rows of one sample's input with silence around them: dense (row, column, channel), in which a
// window is one run of bytes a kernel row.
struct Band {
  uint8_t* bytes;
  int64_t rows, columns, channels;
  const uint8_t* row(int64_t r) const { return bytes + r * columns * channels; }
};

struct Source {
  const uint8_t* latency;
  int64_t channels, height, width;
  int64_t by_channel, by_row, by_column;
};

// One sample of a layer's input.
template <class Args>
inline Source source_of(const Args& a, int64_t sample) {
  return {a.latency + sample * a.latency_batch, a.channels,    a.height,        a.width,
          a.latency_channel,                    a.latency_row, a.latency_column};
}

// How many positions a window has along an axis.
inline int64_t positions(int64_t size, int64_t before, int64_t after, int64_t kernel, int64_t step) {
  return (size + before + after - kernel) / step + 1;
}

// Copies rows first_row, first_row + 1, ... into the band; what lies outside the source, and what
// spikes in bin n_bins or later, is silent.
static void fill_band(Band& band, const Source& source, int64_t first_row, int64_t first_column,
                      int64_t n_bins) {
  const int64_t c = band.channels, run = band.columns * c;
  const int64_t start = most(0, -first_column);
  const int64_t stop = least(band.columns, source.width - first_column);
  for (int64_t r = 0; r < band.rows; ++r) {
    uint8_t* out = band.bytes + r * run;
    const int64_t y = first_row + r;
    if (y < 0 || y >= source.height || stop <= start) {
      memset(out, SILENT, static_cast<size_t>(run));
      continue;
    }
    memset(out, SILENT, static_cast<size_t>(start * c));
    memset(out + stop * c, SILENT, static_cast<size_t>((band.columns - stop) * c));
    const uint8_t* in = source.latency + y * source.by_row + (first_column + start) * source.by_column;
    uint8_t* to = out + start * c;
    const int64_t n = stop - start;
    if (source.by_channel == 1 && source.by_column == c) {
      memcpy(to, in, static_cast<size_t>(n * c));
    } else {
      for (int64_t channel = 0; channel < c; ++channel)
        for (int64_t x = 0; x < n; ++x)
          to[x * c + channel] = in[channel * source.by_channel + x * source.by_column];
    }
    if (n_bins < SILENT)
      for (int64_t i = 0; i < n * c; ++i) to[i] = to[i] < n_bins ? to[i] : SILENT;
  }
}

// The bins in which anything in a band spikes, in order.
struct Bins {
  uint8_t times[256];
  int n;
};

static void find_bins(Bins& bins, const Band& band) {
  uint8_t seen[256] = {0};
  const int64_t size = band.rows * band.columns * band.channels;
  for (int64_t i = 0; i < size; ++i) seen[band.bytes[i]] = 1;
  bins.n = 0;
  for (int t = 0; t < SILENT; ++t)
    if (seen[t]) bins.times[bins.n++] = static_cast<uint8_t>(t);
}

// The spikes of one window: unsorted latencies and inputs, then inputs bin by bin as far as asked
// for. An input is the row of its weights: (kernel row, kernel column, channel).
template <class Index>
struct Events {
  uint8_t* latency;  // unsorted, n of them
  Index* input;
  Index* sorted;     // inputs in order of their bins
  uint8_t* time;     // of each sorted input
  int64_t n;
  int64_t n_sorted;
  int64_t quiet;     // bins that end with no more spikes than this need not be told apart
  int next_bin;      // position in bins->times of the first bin not sorted yet
  int n_groups;      // bins of this window that are sorted and not empty
  uint8_t* group_time;
  int64_t* group_end;
  const Bins* bins;
  // where many spikes meet many bins, those of a few bins at a time, so that each is looked at less
  uint8_t* near_latency;
  Index* near_input;
  int64_t n_near;
  int near_end;      // position in bins->times after the last bin they cover

  static size_t padded(int64_t window) { return (static_cast<size_t>(window) + 191) / 64 * 64; }
  static size_t bytes(int64_t window) {
    return padded(window) * (3 + 3 * sizeof(Index)) + 256 * (1 + sizeof(int64_t));
  }

  // Lays the lists out in memory of that many bytes.
  void place(void* memory, int64_t window) {
    const size_t size = padded(window);
    uint8_t* at = static_cast<uint8_t*>(memory);
    latency = at;
    time = at += size;
    near_latency = at += size;
    input = reinterpret_cast<Index*>(at += size);
    near_input = reinterpret_cast<Index*>(at += size * sizeof(Index));
    sorted = reinterpret_cast<Index*>(at += size * sizeof(Index));
    group_end = reinterpret_cast<int64_t*>(at += size * sizeof(Index));
    group_time = at + 256 * sizeof(int64_t);
  }

  void gather(const Band& band, int64_t first_row, int64_t first_column, int64_t height,
              int64_t width);
  bool sort_next_bin();
  void sort_all();

 private:
  int64_t take_bin(const uint8_t* from_latency, const Index* from_input, int64_t size, uint8_t t,
                   int64_t sorted_before) const;
  int64_t take_next(int64_t sorted_before);
  void group_sorted();
  void take_near();
  void count_and_place();
};

template <class Index>
void Events<Index>::count_and_place() {
  uint32_t place[256] = {0};
  for (int64_t e = 0; e < n; ++e) ++place[latency[e]];
  uint32_t sum = 0;
  for (int t = 0; t < 256; ++t) {
    const uint32_t here = place[t];
    place[t] = sum;
    sum += here;
  }
  for (int64_t e = 0; e < n; ++e) {
    const uint32_t to = place[latency[e]]++;
    sorted[to] = input[e];
    time[to] = latency[e];
  }
  n_sorted = n;
}

// Which of 64 bytes have a value, one bit each.
inline uint64_t equal_bytes(const uint8_t* bytes, uint8_t value) {
#if defined(__AVX512VBMI2__)
  return _cvtmask64_u64(_mm512_cmpeq_epi8_mask(_mm512_loadu_si512(bytes),
                                               _mm512_set1_epi8(static_cast<char>(value))));
#elif defined(__AVX2__)
  const __m256i wanted = _mm256_set1_epi8(static_cast<char>(value));
  uint64_t equal = 0;
  for (int half = 0; half < 2; ++half) {
    const __m256i here = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32 * half));
    const int lanes = _mm256_movemask_epi8(_mm256_cmpeq_epi8(here, wanted));
    equal |= static_cast<uint64_t>(static_cast<uint32_t>(lanes)) << (32 * half);
  }
  return equal;
#elif defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8(static_cast<char>(value));
  uint64_t equal = 0;
  for (int part = 0; part < 4; ++part) {
    const __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * part));
    const int lanes = _mm_movemask_epi8(_mm_cmpeq_epi8(here, wanted));
    equal |= static_cast<uint64_t>(static_cast<uint32_t>(lanes)) << (16 * part);
  }
  return equal;
#else
  uint64_t equal = 0;
  for (int i = 0; i < 64; ++i) equal |= static_cast<uint64_t>(bytes[i] == value) << i;
  return equal;
#endif
}

// Which of 64 bytes lie between two values, both included.
inline uint64_t bytes_between(const uint8_t* bytes, uint8_t low, uint8_t high) {
#if defined(__AVX512VBMI2__)
  const __m512i above = _mm512_sub_epi8(_mm512_loadu_si512(bytes), _mm512_set1_epi8(static_cast<char>(low)));
  return _cvtmask64_u64(
      _mm512_cmple_epu8_mask(above, _mm512_set1_epi8(static_cast<char>(high - low))));
#elif defined(__SSE2__)
  const __m128i shift = _mm_set1_epi8(static_cast<char>(low));
  const __m128i most = _mm_set1_epi8(static_cast<char>(high - low));
  uint64_t between = 0;
  for (int part = 0; part < 4; ++part) {
    const __m128i above =
        _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16 * part)), shift);
    const int lanes = _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(above, most), above));
    between |= static_cast<uint64_t>(static_cast<uint32_t>(lanes)) << (16 * part);
  }
  return between;
#else
  uint64_t between = 0;
  for (int i = 0; i < 64; ++i)
    between |= static_cast<uint64_t>(bytes[i] >= low && bytes[i] <= high) << i;
  return between;
#endif
}

// Packs the chosen ones of 64 values, each plus a base, to the left; may write 64 values.
template <class Value>
inline void pack(Value* to, uint64_t chosen, const Value* from, Value base = 0) {
#if defined(__AVX512VBMI2__)
  if constexpr (sizeof(Value) == 1) {
    const __m512i more = _mm512_set1_epi8(static_cast<char>(base));
    const __m512i kept = _mm512_maskz_compress_epi8(_cvtu64_mask64(chosen), _mm512_loadu_si512(from));
    _mm512_storeu_si512(to, _mm512_add_epi8(kept, more));
    return;
  } else if constexpr (sizeof(Value) == 2) {
    const __m512i more = _mm512_set1_epi16(static_cast<short>(base));
    const uint32_t low = static_cast<uint32_t>(chosen), high = static_cast<uint32_t>(chosen >> 32);
    const __m512i first = _mm512_maskz_compress_epi16(_cvtu32_mask32(low), _mm512_loadu_si512(from));
    _mm512_storeu_si512(to, _mm512_add_epi16(first, more));
    const __m512i second =
        _mm512_maskz_compress_epi16(_cvtu32_mask32(high), _mm512_loadu_si512(from + 32));
    _mm512_storeu_si512(to + __builtin_popcount(low), _mm512_add_epi16(second, more));
    return;
  }
#endif
  for (; chosen; chosen &= chosen - 1) 
    *to++ = static_cast<Value>(from[__builtin_ctzll(chosen)] + base);
}

template <class Value>
struct Counting {
  alignas(64) Value from_zero[64];
  constexpr Counting() : from_zero() {
    for (int i = 0; i < 64; ++i) from_zero[i] = static_cast<Value>(i);
  }
};

#if defined(__AVX512VBMI2__)

// Sorting network (Batcher's bitonic sort) for registers of 32 numbers of 16 bits: no branch, and
// the same work for any number of bins.
template <int DISTANCE>
inline __m512i partner(__m512i a) {
  if constexpr (DISTANCE == 1) return _mm512_rol_epi32(a, 16);
  if constexpr (DISTANCE == 2) return _mm512_shuffle_epi32(a, _MM_PERM_CDAB);
  if constexpr (DISTANCE == 4) return _mm512_shuffle_epi32(a, _MM_PERM_BADC);
  if constexpr (DISTANCE == 8) return _mm512_shuffle_i64x2(a, a, 0xB1);
  return _mm512_shuffle_i64x2(a, a, 0x4E);
}

// Lanes that keep the larger of a pair: the upper one where a run ascends, the lower one elsewhere.
constexpr uint32_t keeps_larger(int run, int distance) {
  uint32_t lanes = 0;
  for (int i = 0; i < 32; ++i)
    if (((i & distance) != 0) == ((i & run) == 0)) lanes |= 1u << i;
  return lanes;
}

template <int RUN, int DISTANCE>
inline __m512i exchange(__m512i a) {
  const __m512i b = partner<DISTANCE>(a);
  const __mmask32 larger = _cvtu32_mask32(keeps_larger(RUN, DISTANCE));
  a = _mm512_mask_max_epu16(_mm512_min_epu16(a, b), larger, a, b);
  if constexpr (DISTANCE > 1) return exchange<RUN, DISTANCE / 2>(a);
  return a;
}

inline __m512i sort_32(__m512i a) {
  a = exchange<2, 1>(a);
  a = exchange<4, 2>(a);
  a = exchange<8, 4>(a);
  a = exchange<16, 8>(a);
  return exchange<32, 16>(a);
}

// Two runs of 32 bytes, or four of 16, side by side; only the first `left` of them are read.
inline __m512i runs(const uint8_t* run, int64_t stride, int rows, int64_t left) {
  if (rows == 2) {
    const auto half = [&](int64_t i) {
      return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(run + (i < left ? i : 0) * stride));
    };
    return _mm512_inserti64x4(_mm512_castsi256_si512(half(0)), half(1), 1);
  }
  const auto quarter = [&](int64_t i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(run + (i < left ? i : 0) * stride));
  };
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(quarter(0)), quarter(1), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(quarter(2)), quarter(3), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

inline __m512i reverse_32(__m512i a) {
  const __m512i from = _mm512_set_epi16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
                                        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
  return _mm512_permutexvar_epi16(from, a);
}

// Sorts up to 64 pairs of bytes by latency, then input.
inline void sort_pairs(const uint8_t* latency, const uint8_t* input, int64_t n, uint8_t* time,
                       uint8_t* sorted) {
  const auto pairs = [&](int64_t from) {
    const __m256i none = _mm256_set1_epi8(-1);
    const int64_t left = n - from;
    const __mmask32 inside = _cvtu32_mask32(left >= 32 ? ~0u : (1u << left) - 1);
    const __m256i t = _mm256_mask_loadu_epi8(none, inside, latency + from);
    const __m256i i = _mm256_mask_loadu_epi8(none, inside, input + from);
    return _mm512_or_si512(_mm512_slli_epi16(_mm512_cvtepu8_epi16(t), 8), _mm512_cvtepu8_epi16(i));
  };
  const auto write = [&](__m512i a, int64_t at) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sorted + at), _mm512_cvtepi16_epi8(a));
    const __m512i t = _mm512_srli_epi16(a, 8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(time + at), _mm512_cvtepi16_epi8(t));
  };
  __m512i low = sort_32(pairs(0));
  if (n <= 32) return write(low, 0);
  const __m512i high = reverse_32(sort_32(pairs(32)));
  write(exchange<32, 16>(_mm512_min_epu16(low, high)), 0);
  write(exchange<32, 16>(_mm512_max_epu16(low, high)), 32);
}

#endif

// The spikes of a window, kernel row after kernel row.
template <class Index>
inline void Events<Index>::gather(const Band& band, int64_t first_row, int64_t first_column,
                                  int64_t height, int64_t width) {
  static constexpr Counting<Index> counting;
  const int64_t length = width * band.channels, stride = band.columns * band.channels;
  const uint8_t* run = band.row(first_row) + first_column * band.channels;
  uint8_t* to_latency = latency;
  Index* to_input = input;
  n_sorted = 0;
  next_bin = n_groups = near_end = 0;
#if defined(__AVX512VBMI2__)
  if constexpr (sizeof(Index) == 1)
    if (length <= 32) {
      // two runs at a time, or four
      const int rows = length <= 16 ? 4 : 2, wide = 64 / rows;
      const uint64_t one = first_bits(length);
      uint64_t inside = 0;
      for (int i = 0; i < rows; ++i) inside |= one << (i * wide);
      __m512i numbers = _mm512_loadu_si512(counting.from_zero);
      const __m512i row = _mm512_and_si512(
          rows == 4 ? _mm512_srli_epi16(numbers, 4) : _mm512_srli_epi16(numbers, 5),
          _mm512_set1_epi8(3));
      // input = row * length + column, and column = number - row * wide
      for (int bit = 0; bit < 2; ++bit) {
        const __mmask64 set = _mm512_test_epi8_mask(row, _mm512_set1_epi8(1 << bit));
        const char back = static_cast<char>((length - wide) * (1 << bit));
        numbers = _mm512_mask_add_epi8(numbers, set, numbers, _mm512_set1_epi8(back));
      }
      const __m512i step = _mm512_set1_epi8(static_cast<char>(rows * length));
      for (int64_t i = 0; i < height; i += rows, run += rows * stride) {
        const int64_t left = height - i;
        inside &= first_bits(left * wide);
        const __m512i bytes = runs(run, stride, rows, left);
        const __mmask64 spikes = _cvtu64_mask64(
            inside & _cvtmask64_u64(_mm512_cmpneq_epi8_mask(bytes, _mm512_set1_epi8(-1))));
        _mm512_storeu_si512(to_latency, _mm512_maskz_compress_epi8(spikes, bytes));
        _mm512_storeu_si512(to_input, _mm512_maskz_compress_epi8(spikes, numbers));
        const int64_t count = __builtin_popcountll(_cvtmask64_u64(spikes));
        to_latency += count;
        to_input += count;
        numbers = _mm512_add_epi8(numbers, step);
      }
      n = to_latency - latency;
      return;
    }
#endif
  for (int64_t i = 0; i < height; ++i, run += stride)
    for (int64_t at = 0; at < length; at += 64) {
      const uint64_t inside = first_bits(length - at);
      const uint64_t spikes = inside & ~equal_bytes(run + at, SILENT);
      pack(to_latency, spikes, run + at);
      pack(to_input, spikes, counting.from_zero, static_cast<Index>(i * length + at));
      to_latency += __builtin_popcountll(spikes);
      to_input += __builtin_popcountll(spikes);
    }
  n = to_latency - latency;
}

// Appends the inputs of one bin to the sorted ones; returns how many are sorted then.
template <class Index>
inline int64_t Events<Index>::take_bin(const uint8_t* from_latency, const Index* from_input,
                                       int64_t size, uint8_t t, int64_t sorted_before) const {
  Index* to = sorted + sorted_before;
  for (int64_t i = 0; i < size; i += 64) {
    const uint64_t inside = first_bits(size - i);
    const uint64_t chosen = inside & equal_bytes(from_latency + i, t);
    pack(to, chosen, from_input + i);
    to += __builtin_popcountll(chosen);
  }
  return to - sorted;
}

// Sets apart the spikes of the next few bins.
template <class Index>
inline void Events<Index>::take_near() {
  const int size = n > 512 ? 5 : 4;
  const int last = next_bin + size < bins->n ? next_bin + size : bins->n;
  const uint8_t low = bins->times[next_bin], high = bins->times[last - 1];
  uint8_t* to_latency = near_latency;
  Index* to_input = near_input;
  for (int64_t i = 0; i < n; i += 64) {
    const uint64_t inside = first_bits(n - i);
    const uint64_t chosen = inside & bytes_between(latency + i, low, high);
    pack(to_latency, chosen, latency + i);
    pack(to_input, chosen, input + i);
    to_latency += __builtin_popcountll(chosen);
    to_input += __builtin_popcountll(chosen);
  }
  n_near = to_latency - near_latency;
  near_end = last;
}

// Appends the inputs of the next bin; returns how many are sorted then.
template <class Index>
inline int64_t Events<Index>::take_next(int64_t sorted_before) {
  if (n <= 128) return take_bin(latency, input, n, bins->times[next_bin++], sorted_before);
  if (next_bin >= near_end) take_near();
  return take_bin(near_latency, near_input, n_near, bins->times[next_bin++], sorted_before);
}

// Everything in order at once, by whichever way looks at fewer things.
template <class Index>
inline void Events<Index>::sort_all() {
  const int64_t all = n;
#if defined(__AVX512VBMI2__)
  if constexpr (sizeof(Index) == 1)
    if (all <= 64) {
      sort_pairs(latency, input, all, time, sorted);
      n_sorted = all;
      return;
    }
#endif
  // looked at in two steps, spikes are seen about twice the root of the number of bins each
  const int64_t looks = all <= 128 ? bins->n * ((all + 63) / 64) : bins->n * (2 + all / 256);
  if (looks >= all + 64) return count_and_place();
  uint8_t* const times = time;
  int64_t done = 0;
  while (done < all) {
    const int64_t before = done;
    const uint8_t t = bins->times[next_bin];
    done = take_next(before);
    // whole registers; the next bin overwrites what is too much
    for (int64_t e = before; e < done; e += 64) memset(times + e, t, 64);
  }
  n_sorted = done;
}

#if defined(__AVX512VBMI2__)

// All bins of few spikes at once: a bin ends where the next spike is of another.
template <class Index>
inline void Events<Index>::group_sorted() {
  sort_pairs(latency, input, n, time, sorted);
  time[n] = SILENT;
  const __m512i here = _mm512_loadu_si512(time), next = _mm512_loadu_si512(time + 1);
  uint64_t ends = _cvtmask64_u64(_mm512_cmpneq_epi8_mask(here, next));
  ends &= first_bits(n);
  if (quiet > 0) ends &= ~0ull << (quiet < n ? quiet : n - 1);
  for (; ends; ends &= ends - 1) {
    const int last = __builtin_ctzll(ends);
    group_time[n_groups] = time[last];
    group_end[n_groups++] = last + 1;
  }
  n_sorted = n;
}

#endif

// The next bin with a spike in this window; false where there is none.
template <class Index>
inline bool Events<Index>::sort_next_bin() {
  int64_t done = n_sorted;
  while (done < n) {
    const uint8_t t = bins->times[next_bin];
    const int64_t before = done;
    done = take_next(before);
    if (done == before) continue;
    group_time[n_groups] = t;
    group_end[n_groups++] = done;
    n_sorted = done;
    return true;
  }
  return false;
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
