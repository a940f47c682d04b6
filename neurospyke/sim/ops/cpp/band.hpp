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

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
