// Bytes, 64 at a time: compared, chosen, packed.
#pragma once

#include <cstring>

#include "lanes.hpp"

namespace neurospyke {
namespace NEUROSPYKE_ISA {

// Whether `pack` takes a register at a time.
#if defined(__AVX512VBMI2__)
constexpr bool PACKS = true;
#else
constexpr bool PACKS = false;
#endif

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

}  // namespace NEUROSPYKE_ISA
}  // namespace neurospyke
