package dev.nudge.quickstart;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// The settings of a quickstart.
///
/// @param model folder of the base
/// @param keep folder for rows, adapter and merged model; null: a temporary one
/// @param rows training rows
/// @param epochs passes over the training rows
/// @param learningRate peak learning rate
/// @param cases held-out cases
public record QuickstartSettings(
    Path model, @Nullable Path keep, int rows, double epochs, double learningRate, int cases) {
  private static final int ROWS = 4000;
  private static final double EPOCHS = 3;
  private static final double LEARNING_RATE = 2e-3;
  private static final int CASES = 256; // a 95 % interval of at most ± 6 points

  /// Defaults that take about three minutes on two cores.
  public static QuickstartSettings of(Path model, @Nullable Path keep) {
    return new QuickstartSettings(model, keep, ROWS, EPOCHS, LEARNING_RATE, CASES);
  }
}
