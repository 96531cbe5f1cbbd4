package dev.nudge.plan;

import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import java.util.stream.IntStream;

/// Estimates the memory of a process besides tensors. It is the one part of a plan that is fitted
/// to measurements instead of counted.
///
/// Heap, compiled code and metaspace of the JVM, code of compiled products and their scratchpads,
/// the tokenizer's tables, and the rotary tables, which are exact.
final class Runtimes {
  private static final long PROCESS = 111L << 20;
  private static final long LANE = 2L << 20;
  private static final long LANE_TOKEN = 32L << 10; // of a lane's micro-batch
  private static final int MOST_TOKENS = 320; // what more of them need is the same
  private static final long TOKEN = 450; // of the vocabulary, in two tables of text
  private static final long EXPERT = 96L << 10; // of the heap: its entries in files, its layers

  private Runtimes() {}

  /// @param tokens maximum tokens of a micro-batch
  static long bytes(ModelConfig config, Backend backend, int lanes, int tokens, int longest) {
    long rotary = config.rotaryBytes(longest, backend.compute());
    long lane = LANE + LANE_TOKEN * Math.min(tokens, MOST_TOKENS);
    long experts = EXPERT * IntStream.of(config.experts()).sum();
    return PROCESS + lanes * lane + TOKEN * config.vocabSize() + experts + rotary;
  }
}
