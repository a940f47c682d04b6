// Rows of an input with silence around them.
#pragma once

#include "bytes.hpp"
#include "runtime.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

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

// Adds to every pixel of a band how many of its channels are chosen, by 64 bytes at a time.
template <class Choose>
static void count_pixels(const Band& band, uint32_t* pixels, const Choose& choose) {
  const int64_t c = band.channels, n = band.rows * band.columns;
  const uint64_t of_one = first_bits(c);
  const auto n_bits = [](uint64_t bits) { return static_cast<uint32_t>(__builtin_popcountll(bits)); };
  if (c > 32) {
    for (int64_t p = 0; p < n; ++p)
      for (int64_t at = 0; at < c; at += 64)
        pixels[p] += n_bits(choose(band.bytes + p * c + at) & first_bits(c - at));
    return;
  }
  const int64_t at_once = 64 / c;
  for (int64_t first = 0; first < n; first += at_once) {
    uint64_t chosen = choose(band.bytes + first * c);
    const int64_t end = least(first + at_once, n);
    for (int64_t p = first; p < end; ++p, chosen >>= c) pixels[p] += n_bits(chosen & of_one);
  }
}

// What each window counts in all of its pixels; needs memory for a row of the band.
static void count_windows(const Band& band, const ConvolutionArgs& a, const uint32_t* pixels,
                          int64_t height, int64_t width, uint32_t* __restrict columns,
                          uint32_t* counts) {
  for (int64_t y = 0; y < height; ++y) {
    memset(columns, 0, 4 * static_cast<size_t>(band.columns));
    for (int64_t i = 0; i < a.kernel_height; ++i) {
      const uint32_t* __restrict row = pixels + (y * a.down + i) * band.columns;
      for (int64_t x = 0; x < band.columns; ++x) columns[x] += row[x];
    }
    uint32_t* __restrict here = counts + y * width;
    memset(here, 0, 4 * static_cast<size_t>(width));
    for (int64_t j = 0; j < a.kernel_width; ++j)
      for (int64_t x = 0; x < width; ++x) here[x] += columns[x * a.across + j];
  }
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
