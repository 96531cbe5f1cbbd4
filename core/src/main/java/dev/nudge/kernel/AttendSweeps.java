package dev.nudge.kernel;

import java.lang.foreign.MemorySegment;

/// Sweeps over bf16 keys and values that [AttendOne] spends its time in: scores, and weighted sums
/// of the values.
///
/// Queries and sums are in pairs: of each 2·lanes numbers the even ones, then the odd ones, with
/// zeros behind the last. A provider that replaces the sweeps keeps the order of additions, and so
/// all bits.
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

  /// How numbers lie in the scratch.
  ///
  /// @param heads of keys and values
  /// @param dim of a head, an even number
  /// @param queries of a head: 1, or a multiple of 4
  /// @param width floats from query to query, and from sum to sum
  /// @param row floats from the scores of a query to those of the next
  record Sizes(int heads, int dim, int queries, int width, int row) {}

  /// Writes the scores of all queries, which are at the begin of the scratch.
  ///
  /// @param next what is read next, which may be fetched meanwhile; as many bytes from row to row
  /// @param to byte offset of the first query's first score
  void scores(Rows keys, Rows next, Sizes sizes, MemorySegment scratch, long to);

  /// Adds weights · values to sums, which are at the begin of the scratch.
  ///
  /// @param weights byte offset of the first query's first weight
  void sums(Rows values, Rows next, Sizes sizes, MemorySegment scratch, long weights);
}
