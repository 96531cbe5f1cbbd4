package dev.nudge.plan;

import dev.nudge.model.ModelConfig;
import dev.nudge.nn.Backend;

/// Estimates what a process holds besides tensors: the one part of a plan that is not counted but
/// was measured.
///
/// Heap, compiled code and metaspace of the JVM, code of compiled products and their scratchpads,
/// the tokenizer's tables, and the rotary tables, which are exact.
final class Runtimes {
  private static final long PROCESS = 111L << 20;
  private static final long LANE = 12L << 20;
  private static final long TOKEN = 450; // of the vocabulary, in two tables of text

  private Runtimes() {}

  static long bytes(ModelConfig config, Backend backend, int lanes, int longest) {
    long rotary =
        (long) longest * config.headDim() * backend.compute().accumulator().bytes(); // cos and sin
    return PROCESS + lanes * LANE + TOKEN * config.vocabSize() + rotary;
  }
}
