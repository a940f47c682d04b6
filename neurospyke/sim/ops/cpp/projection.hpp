// Weighted input of streams in which most channels are silent: rows of weights are added where a
// channel is not zero, in order of the channels; going back, rows of gradients, in order of the rows.
#pragma once

#include "scan.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

constexpr int64_t PROJECTED_ROWS = 64;  // at a time

struct Projection {
  const ProjectionArgs& a;
  int64_t columns, next;
};

template <class T>
static int64_t active_inputs(const T* inputs, int64_t n) {
  int64_t found = 0;
  for (int64_t from = 0; from < n; from += 4096) {
    const int64_t stop = from + 4096 < n ? from + 4096 : n;
    int32_t some = 0;  // narrow, so that a register counts many at once
    for (int64_t k = from; k < stop; ++k) some += inputs[k] != 0;
    found += some;
  }
  return found;
}

template <class T>
static void project_tasks(void* context) {
  auto& job = *static_cast<Projection*>(context);
  const ProjectionArgs& a = job.a;
  constexpr int64_t ROWS = PROJECTED_ROWS;
  const size_t places = ROWS * static_cast<size_t>(a.channels);
  auto* list = static_cast<int32_t*>(scratch(SCAN, places * sizeof(int32_t)));
  int64_t found[ROWS];
  for (int64_t task; (task = next_task(job.next)) * ROWS < a.rows;) {
    const int64_t first = task * ROWS, left = a.rows - first, rows = left < ROWS ? left : ROWS;
    T* out = static_cast<T*>(a.out) + first * a.units;
    for (int64_t row = 0; row < rows; ++row)
      copy(out + row * a.units, static_cast<const T*>(a.bias), a.units);
    add_rows<T>(static_cast<const T*>(a.inputs) + first * a.channels, rows, a.channels,
                static_cast<const T*>(a.table), a.units, out, list, found);
  }
}

template <class T>
struct Active {
  int64_t channel, row;
  T value;
};

template <class T>
static int64_t active_of_rows(const ProjectionArgs& a, int64_t first, int64_t stop, Active<T>* list) {
  int64_t found = 0;
  const T* inputs = static_cast<const T*>(a.inputs);
  for (int64_t row = first; row < stop; ++row)
    for (int64_t channel = 0; channel < a.channels; ++channel) {
      const T value = inputs[row * a.channels + channel];
      list[found] = {channel, row, value};
      found += value != 0;
    }
  return found;
}

template <class T>
static void project_back_tasks(void* context) {
  auto& job = *static_cast<Projection*>(context);
  const ProjectionArgs& a = job.a;
  T* out = static_cast<T*>(a.out);
  const size_t entries = static_cast<size_t>(PROJECTED_ROWS * a.channels + 1);
  auto* list = static_cast<Active<T>*>(scratch(SCAN, entries * sizeof(Active<T>)));
  for (int64_t task; (task = next_task(job.next)) * job.columns < a.units;) {
    const int64_t from = task * job.columns, left = a.units - from;
    const int64_t wide = left < job.columns ? left : job.columns;
    for (int64_t channel = 0; channel < a.channels; ++channel)
      for (int64_t k = 0; k < wide; ++k) out[channel * a.units + from + k] = T(0);
    for (int64_t row = 0; row < a.rows; row += PROJECTED_ROWS) {
      const int64_t stop = row + PROJECTED_ROWS < a.rows ? row + PROJECTED_ROWS : a.rows;
      const int64_t found = active_of_rows<T>(a, row, stop, list);
      for (int64_t e = 0; e < found; ++e) {
        T* __restrict sum = out + list[e].channel * a.units + from;
        const T* __restrict add = static_cast<const T*>(a.of_out) + list[e].row * a.units + from;
        const T value = list[e].value;
        for (int64_t k = 0; k < wide; ++k) sum[k] += value * add[k];
      }
    }
  }
}

template <class T>
static void project(const ProjectionArgs& a) {
  *a.active = active_inputs(static_cast<const T*>(a.inputs), a.rows * a.channels);
  if (*a.active > a.most) return;
  constexpr int64_t LINE = 64 / sizeof(T);
  const int64_t lines = (a.units + LINE - 1) / LINE;
  Projection job{a, (lines + a.threads - 1) / a.threads * LINE, 0};
  parallel(a.threads, a.of_out ? project_back_tasks<T> : project_tasks<T>, &job);
}

static void projection(const ProjectionArgs& a) { a.is_double ? project<double>(a) : project<float>(a); }

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
