// Who may learn, and what they learn: inhibition between maps, winners, STDP.
#pragma once

#include "layers.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

template <class T>
struct Spike {
  uint8_t latency;
  T potential;
  int64_t map, row, column;
};

// Earlier, then stronger; ties are left to the caller.
template <class T>
inline bool beats(uint8_t latency, T potential, uint8_t other, T other_potential) {
  return latency != other ? latency < other : potential > other_potential;
}

template <class T>
static bool before(const Spike<T>& a, const Spike<T>& b) {
  if (a.latency != b.latency || a.potential != b.potential)
    return beats(a.latency, a.potential, b.latency, b.potential);
  if (a.map != b.map) return a.map < b.map;
  return a.row != b.row ? a.row < b.row : a.column < b.column;
}

struct Inhibition {
  const InhibitionArgs& a;
  int64_t next;
};

template <class T>
static void inhibit_rows(void* context) {
  auto& job = *static_cast<Inhibition*>(context);
  const InhibitionArgs& a = job.a;
  for (int64_t task; (task = next_task(job.next)) < a.batch * a.height;) {
    const int64_t b = task / a.height, y = task % a.height;
    for (int64_t x = 0; x < a.width; ++x) {
      const uint8_t* latency =
          a.latency + b * a.latency_batch + y * a.latency_row + x * a.latency_column;
      const T* potential = static_cast<const T*>(a.potential) + b * a.potential_batch +
                           y * a.potential_row + x * a.potential_column;
      const int64_t at = (task * a.width + x) * a.maps;
      uint8_t* latency_out = a.latency_out + at;
      T* potential_out = static_cast<T*>(a.potential_out) + at;
      memset(latency_out, SILENT, static_cast<size_t>(a.maps));
      memset(potential_out, 0, sizeof(T) * static_cast<size_t>(a.maps));
      int64_t best = -1;
      for (int64_t m = 0; m < a.maps; ++m) {
        const uint8_t t = latency[m * a.latency_map];
        if (t == SILENT) continue;
        if (best < 0 || beats(t, potential[m * a.potential_map], latency[best * a.latency_map],
                              potential[best * a.potential_map]))
          best = m;
      }
      if (best < 0) continue;
      latency_out[best] = latency[best * a.latency_map];
      potential_out[best] = potential[best * a.potential_map];
    }
  }
}

static void inhibition(const InhibitionArgs& a) {
  Inhibition job{a, 0};
  parallel(a.threads, a.is_double ? inhibit_rows<double> : inhibit_rows<float>, &job);
}

// One sample's spikes by map: the best of each map competes, and is sought anew where it was cleared.
template <class T>
struct Competition {
  const WinnersArgs& a;
  int64_t sample;
  bool* cleared;     // (height, width)
  Spike<T>* champion;  // (map,)

  Spike<T> spike(int64_t m, int64_t y, int64_t x) const {
    const uint8_t* latency = a.latency + sample * a.latency_batch + y * a.latency_row +
                             x * a.latency_column + m * a.latency_map;
    const T* potential = static_cast<const T*>(a.potential) + sample * a.potential_batch +
                         y * a.potential_row + x * a.potential_column + m * a.potential_map;
    return {*latency, *potential, m, y, x};
  }

  void seek(int64_t m) {
    champion[m].latency = SILENT;
    for (int64_t y = 0; y < a.height; ++y)
      for (int64_t x = 0; x < a.width; ++x) {
        if (cleared[y * a.width + x]) continue;
        const Spike<T> here = spike(m, y, x);
        if (here.latency != SILENT && (champion[m].latency == SILENT || before(here, champion[m])))
          champion[m] = here;
      }
  }

  // Every map's best, in one pass over positions, at which all maps lie side by side.
  void seek_all() {
    for (int64_t m = 0; m < a.maps; ++m) champion[m].latency = SILENT;
    for (int64_t y = 0; y < a.height; ++y)
      for (int64_t x = 0; x < a.width; ++x)
        for (int64_t m = 0; m < a.maps; ++m) {
          const uint8_t t = a.latency[sample * a.latency_batch + y * a.latency_row +
                                      x * a.latency_column + m * a.latency_map];
          if (t == SILENT || t > champion[m].latency) continue;
          const Spike<T> here = spike(m, y, x);
          if (champion[m].latency == SILENT || before(here, champion[m])) champion[m] = here;
        }
  }
};

struct Winning {
  const WinnersArgs& a;
  int64_t next;
};

// Clears the square round a winner; maps whose best lay in it seek another.
template <class T>
static void clear_square(Competition<T>& c, bool* out_of_race, const Spike<T>& winner) {
  const WinnersArgs& a = c.a;
  const int64_t top = most(winner.row - a.radius, 0), left = most(winner.column - a.radius, 0);
  const int64_t bottom = least(winner.row + a.radius + 1, a.height);
  const int64_t right = least(winner.column + a.radius + 1, a.width);
  for (int64_t y = top; y < bottom; ++y)
    for (int64_t x = left; x < right; ++x) c.cleared[y * a.width + x] = true;
  for (int64_t m = 0; m < a.maps; ++m) {
    const Spike<T>& best = c.champion[m];
    if (!out_of_race[m] && best.latency != SILENT && c.cleared[best.row * a.width + best.column])
      c.seek(m);
  }
}

// The winners where at most one map, a given one, has spiked at each position.
template <class T>
static void find_given(const WinnersArgs& a, int64_t sample, Spike<T>* left, int64_t* rows) {
  const Competition<T> c{a, sample, nullptr, nullptr};
  const int64_t* maps = a.maps_in + sample * a.height * a.width;
  int64_t n = 0;
  for (int64_t y = 0; y < a.height; ++y)
    for (int64_t x = 0; x < a.width; ++x) {
      left[n] = c.spike(0, y, x);
      left[n].map = maps[y * a.width + x];
      n += left[n].latency != SILENT && left[n].map >= 0;
    }
  for (int64_t rank = 0; rank < a.k; ++rank, rows += 3) {
    if (n == 0) {
      rows[0] = rows[1] = rows[2] = -1;
      continue;
    }
    Spike<T> winner = left[0];
    for (int64_t i = 1; i < n; ++i)
      if (before(left[i], winner)) winner = left[i];
    rows[0] = winner.map;
    rows[1] = winner.row;
    rows[2] = winner.column;
    int64_t kept = 0;
    for (int64_t i = 0; i < n; ++i) {
      const int64_t down = left[i].row - winner.row, across = left[i].column - winner.column;
      const bool near = a.radius >= 0 && down <= a.radius && -down <= a.radius &&
                        across <= a.radius && -across <= a.radius;
      if (left[i].map != winner.map && !near) left[kept++] = left[i];
    }
    n = kept;
  }
}

template <class T>
static void find_given_winners(void* context) {
  auto& job = *static_cast<Winning*>(context);
  const WinnersArgs& a = job.a;
  const size_t places = static_cast<size_t>(a.height * a.width + 1);
  auto* left = static_cast<Spike<T>*>(scratch(COMPETITION, places * sizeof(Spike<T>)));
  for (int64_t sample; (sample = next_task(job.next)) < a.batch;)
    find_given(a, sample, left, a.winners_out + sample * a.k * 3);
}

template <class T>
static void find_winners(void* context) {
  auto& job = *static_cast<Winning*>(context);
  const WinnersArgs& a = job.a;
  const size_t maps = static_cast<size_t>(a.maps), places = static_cast<size_t>(a.height * a.width);
  Competition<T> c{a, 0, nullptr, nullptr};
  c.champion = static_cast<Spike<T>*>(scratch(COMPETITION, maps * sizeof(Spike<T>) + maps + places));
  bool* out_of_race = reinterpret_cast<bool*>(c.champion + maps);
  c.cleared = out_of_race + maps;
  for (int64_t sample; (sample = next_task(job.next)) < a.batch;) {
    c.sample = sample;
    memset(out_of_race, 0, maps);
    memset(c.cleared, 0, places);
    c.seek_all();
    int64_t* rows = a.winners_out + sample * a.k * 3;
    for (int64_t rank = 0; rank < a.k; ++rank, rows += 3) {
      const Spike<T>* best = nullptr;
      for (int64_t m = 0; m < a.maps; ++m)
        if (c.champion[m].latency != SILENT && (!best || before(c.champion[m], *best)))
          best = c.champion + m;
      if (!best) {
        for (int64_t i = 0; i < 3 * (a.k - rank); ++i) rows[i] = -1;
        break;
      }
      const Spike<T> winner = *best;
      rows[0] = winner.map;
      rows[1] = winner.row;
      rows[2] = winner.column;
      out_of_race[winner.map] = true;
      c.champion[winner.map].latency = SILENT;
      if (a.radius >= 0) clear_square(c, out_of_race, winner);
    }
  }
}

static void winners(const WinnersArgs& a) {
  Winning job{a, 0};
  if (a.maps_in)
    parallel(a.threads, a.is_double ? find_given_winners<double> : find_given_winners<float>, &job);
  else
    parallel(a.threads, a.is_double ? find_winners<double> : find_winners<float>, &job);
}

struct Plasticity {
  const StdpArgs& a;
  int64_t parts, next;
};

template <class T>
static T of_map(const void* values, int64_t m) {
  return static_cast<const T*>(values)[m];
}

template <class T>
static void clamp_map(const StdpArgs& a, int64_t m) {
  const T low = of_map<T>(a.rule.lower, m), high = of_map<T>(a.rule.upper, m);
  for (int64_t i = 0; i < a.kernel_height; ++i)
    for (int64_t j = 0; j < a.kernel_width; ++j)
      for (int64_t c = 0; c < a.channels; ++c) {
        T& w = static_cast<T*>(a.weight)[m * a.weight_map + i * a.weight_row + j * a.weight_column +
                                         c * a.weight_channel];
        w = w < low ? low : w > high ? high : w;
      }
}

// What the rate is multiplied by, of the time from the input's spike to the winner's.
template <class T>
static T factor(const Rule& rule, uint8_t t_pre, uint8_t t_post) {
  const int64_t n = rule.window_bins, lag = int64_t{t_post} - t_pre;
  const int64_t at = t_pre == SILENT ? 2 * n - 1 : n - 1 + most(least(lag, n - 1), 1 - n);
  return of_map<T>(rule.window, at);
}

template <class T>
static void learn_map(const StdpArgs& a, int64_t sample, const int64_t* winner) {
  const Rule& rule = a.rule;
  const int64_t m = winner[0], top = winner[1] * a.down - a.top, left = winner[2] * a.across - a.left;
  const T low = of_map<T>(rule.lower, m), high = of_map<T>(rule.upper, m);
  const int64_t of_sample = sample * rule.rate_batch + m;
  const T rates[2] = {of_map<T>(rule.rate_negative, of_sample),
                      of_map<T>(rule.rate_positive, of_sample)};
  const uint8_t t_post = a.latency_out[sample * a.out_batch + (a.out_maps == 1 ? 0 : m) * a.out_map +
                                       winner[1] * a.out_row + winner[2] * a.out_column];
  for (int64_t i = 0; i < a.kernel_height; ++i)
    for (int64_t j = 0; j < a.kernel_width; ++j) {
      const int64_t y = top + i, x = left + j;
      const bool inside = y >= 0 && y < a.height && x >= 0 && x < a.width;
      const uint8_t* in =
          inside ? a.latency_in + sample * a.in_batch + y * a.in_row + x * a.in_column : nullptr;
      T* w = static_cast<T*>(a.weight) + m * a.weight_map + i * a.weight_row + j * a.weight_column;
      for (int64_t c = 0; c < a.channels; ++c, w += a.weight_channel) {
        const uint8_t t_pre = inside ? in[c * a.in_channel] : SILENT;
        T rate = rates[t_pre != SILENT && t_pre <= t_post];
        if (rule.window) rate *= factor<T>(rule, t_pre, t_post);
        T learned = *w + (rule.stabilizer ? rate * ((*w - low) * (high - *w)) : rate);
        if (!rule.clamp_all) learned = learned < low ? low : learned > high ? high : learned;
        *w = learned;
      }
    }
}

static bool is_winner(const StdpArgs& a, const int64_t* row) {
  return row[0] >= 0 && row[0] < a.maps && row[1] >= 0 && row[1] < a.out_height && row[2] >= 0 &&
         row[2] < a.out_width;
}

// A part of the maps; winners of different maps never touch the same weights.
template <class T>
static void learn_part(const StdpArgs& a, int64_t part, int64_t parts) {
  bool clamped = false;
  for (int64_t sample = 0; sample < a.batch; ++sample) {
    const int64_t* rows = a.winners + sample * a.k * 3;
    bool found = false;
    for (int64_t rank = 0; rank < a.k; ++rank) {
      const int64_t* row = rows + 3 * rank;
      if (!is_winner(a, row)) continue;
      found = true;
      if (row[0] % parts == part) learn_map<T>(a, sample, row);
    }
    if (!a.rule.clamp_all || !found) continue;
    // all maps the first time; after that only those that have just learned can be out of bounds
    if (!clamped)
      for (int64_t m = part; m < a.maps; m += parts) clamp_map<T>(a, m);
    else
      for (int64_t rank = 0; rank < a.k; ++rank)
        if (is_winner(a, rows + 3 * rank) && rows[3 * rank] % parts == part)
          clamp_map<T>(a, rows[3 * rank]);
    clamped = true;
  }
}

template <class T>
static void learn_parts(void* context) {
  auto& job = *static_cast<Plasticity*>(context);
  for (int64_t part; (part = next_task(job.next)) < job.parts;) learn_part<T>(job.a, part, job.parts);
}

static void stdp(const StdpArgs& a) {
  const bool small = a.batch * a.k * a.kernel_height * a.kernel_width * a.channels < 1 << 14;
  Plasticity job{a, small ? 1 : a.threads, 0};
  parallel(job.parts, a.is_double ? learn_parts<double> : learn_parts<float>, &job);
}

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
