package dev.nudge.adapter.init;

import dev.nudge.adapter.Adapters;
import dev.nudge.format.WeightFile;
import dev.nudge.machine.Backend;
import dev.nudge.settings.train.AdapterInit;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/// Initialises A and B of a new adapter.
///
/// [Adapters#attach] has filled A and B so that the update is zero (`LoraInit`); an initialisation
/// overwrites them. A new initialisation is a class and a line in [#of].
public interface Initialization {

  /// Returns the initialisation that a setting names.
  static Initialization of(AdapterInit setting) {
    return switch (setting.kind()) {
      case GAUSSIAN -> new GaussianInit();
      case LOFTQ -> new LoftqInit();
      case PISSA -> new PrincipalInit(PrincipalInit.Kind.SINGULAR, setting.rounds());
      case OLORA -> new PrincipalInit(PrincipalInit.Kind.ORTHOGONAL, 0);
      case DEFAULT, EVA -> (adapters, base) -> {}; // EVA has the ranks too: see EvaRecorder
    };
  }

  /// Whether the base loses what A and B add at the start.
  default boolean subtracts() {
    return false;
  }

  /// Refuses a base model that the initialisation does not support.
  ///
  /// @param folder of the base model
  /// @param quantized whether the base's weights are quantised in memory
  /// @param stored whether they are quantised in the base's files
  /// @throws dev.nudge.settings.InputException in one line
  default void check(Path folder, boolean quantized, BooleanSupplier stored) {}

  /// Fills A and B of a new adapter that was attached to its base.
  void begin(Adapters adapters, Base base);

  /// The base model of a new adapter.
  ///
  /// @param weights opens the base's weights before quantisation
  /// @param threads number of threads
  /// @param seed of the run
  record Base(Supplier<WeightFile> weights, Backend backend, int threads, long seed) {}
}
