package dev.nudge.quickstart;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Says what a quickstart is asked to do.
///
/// @param model folder of the base
/// @param keep folder for rows, adapter and merged model; null: nothing stays
/// @param rows to train on
/// @param epochs passes over them
/// @param learningRate the highest
/// @param cases held out
public record Wanted(
    Path model, @Nullable Path keep, int rows, double epochs, double learningRate, int cases) {
  private static final int ROWS = 4000;
  private static final double EPOCHS = 3;
  private static final double LEARNING_RATE = 2e-3;
  private static final int CASES = 256; // a 95 % interval of at most ± 6 points

  /// Asks for what fits into three minutes on two cores.
  public static Wanted of(Path model, @Nullable Path keep) {
    return new Wanted(model, keep, ROWS, EPOCHS, LEARNING_RATE, CASES);
  }
}
