// Pooling: the earliest spike of each window.
#pragma once

#include "band.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

// The earliest of every window of `rows` rows, each a dense (column, channel) run.
static void pool_rows(const Band& band, int64_t height, int64_t width, int64_t down, int64_t across,
                      int64_t out_height, int64_t out_width, uint8_t* to) {
  const int64_t c = band.channels, run = band.columns * c;
  uint8_t* __restrict lowest = static_cast<uint8_t*>(scratch(LOWEST, static_cast<size_t>(run)));
  for (int64_t y = 0; y < out_height; ++y) {
    memcpy(lowest, band.row(y * down), static_cast<size_t>(run));
    for (int64_t i = 1; i < height; ++i) {
      const uint8_t* __restrict in = band.row(y * down + i);
      for (int64_t at = 0; at < run; ++at) lowest[at] = lowest[at] < in[at] ? lowest[at] : in[at];
    }
    for (int64_t x = 0; x < out_width; ++x) {
      uint8_t* __restrict out = to + (y * out_width + x) * c;
      memcpy(out, lowest + x * across * c, static_cast<size_t>(c));
      for (int64_t j = 1; j < width; ++j) {
        const uint8_t* __restrict in = lowest + (x * across + j) * c;
        for (int64_t at = 0; at < c; ++at) out[at] = out[at] < in[at] ? out[at] : in[at];
      }
    }
  }
}

// Pooling by itself.
struct Pooling {
  const PoolArgs& a;
  int64_t height, width, next;
};

static void pool_tasks(void* context) {
  auto& job = *static_cast<Pooling*>(context);
  const PoolArgs& a = job.a;
  for (int64_t sample; (sample = next_task(job.next)) < a.batch;) {
    Band band{nullptr, (job.height - 1) * a.pool_down + a.pool_height,
              (job.width - 1) * a.pool_across + a.pool_width, a.channels};
    const size_t size = static_cast<size_t>(band.rows * band.columns * a.channels);
    band.bytes = static_cast<uint8_t*>(scratch(BAND, size));
    fill_band(band, source_of(a, sample), -a.pool_top, -a.pool_left, SILENT);
    pool_rows(band, a.pool_height, a.pool_width, a.pool_down, a.pool_across, job.height, job.width,
              a.latency_out + sample * job.height * job.width * a.channels);
  }
}

static void pool(const PoolArgs& a) {
  Pooling job{a, positions(a.height, a.pool_top, a.pool_bottom, a.pool_height, a.pool_down),
              positions(a.width, a.pool_left, a.pool_right, a.pool_width, a.pool_across), 0};
  parallel(a.threads, pool_tasks, &job);
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
