package dev.nudge.bench;

import java.util.List;

/// How long a run of the parity study trains, and how it warms up. The first is what a run takes
/// unless another is shown to end with a lower held-out loss.
///
/// @param factor of the domain's epochs
enum ParityLoop {
  PLAN("plan", 1, 0.03),
  SHORTER("shorter", 1.0 / 3, 0.03),
  LONGER("longer", 2, 0.03),
  WARMER("warmer", 1, 0.1);

  private final String id;
  private final double factor;
  private final double warmup;

  ParityLoop(String id, double factor, double warmup) {
    this.id = id;
    this.factor = factor;
    this.warmup = warmup;
  }

  /// Its name in names of files.
  String id() {
    return id;
  }

  int epochs(ParityDomain domain) {
    return (int) Math.round(factor * domain.epochs());
  }

  double warmup() {
    return warmup;
  }

  String label(ParityDomain domain) {
    return "%d, %s".formatted(epochs(domain), warmup);
  }

  /// Flags of `train`.
  List<String> flags(ParityDomain domain) {
    return List.of("--epochs", Integer.toString(epochs(domain)), "--warmup", "" + warmup);
  }
}
