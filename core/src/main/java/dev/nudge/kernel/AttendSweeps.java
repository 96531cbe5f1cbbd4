package dev.nudge.kernel;

import java.lang.foreign.MemorySegment;

/// Sweeps over bf16 keys and values, where [AttendOne] spends its time: scores, and weighted sums
/// of values.
///
/// Queries and sums are deinterleaved: the even numbers of each 2·lanes, then the odd ones, padded
/// with zeros. Every provider adds in the same order, so its results are bit-identical.
///
/// Threading: any number of threads may call.
public interface AttendSweeps {
  /// Floats behind each query's scores that [#scores] may overwrite.
  int BEHIND = 3;

  /// Bytes at the end of the scratch that a sweep may overwrite.
  int SPARE = 64;

  /// Rows of keys or values.
  ///
  /// @param at first byte
  /// @param stride bytes from row to row
  record Rows(MemorySegment data, long at, long stride, int count) {}

  /// The scratch's memory layout.
  ///
  /// @param heads key-value heads
  /// @param dim head dimension, even
  /// @param queries per head: 1 or a multiple of 4
  /// @param width floats from query to query, and from sum to sum
  /// @param row floats from one query's scores to the next's
  record Sizes(int heads, int dim, int queries, int width, int row) {}

  /// Writes the scores of all queries, stored at the start of the scratch.
  ///
  /// @param next rows of the next call, to prefetch; with the same stride
  /// @param to byte offset of the first query's first score
  void scores(Rows keys, Rows next, Sizes sizes, MemorySegment scratch, long to);

  /// Adds weights · values to the sums at the start of the scratch.
  ///
  /// @param weights byte offset of the first query's first weight
  void sums(Rows values, Rows next, Sizes sizes, MemorySegment scratch, long weights);
}
