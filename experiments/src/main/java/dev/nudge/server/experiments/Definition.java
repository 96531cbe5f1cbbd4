package dev.nudge.server.experiments;

import dev.nudge.chat.FieldException;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The immutable definition of an experiment.
///
/// @param name name, also a model name of the server; requests for it take part
/// @param mode how traffic is divided
/// @param arms at least two arms; the first is the control
/// @param metric the deciding metric
/// @param guardrails metrics that must not get worse
/// @param alpha probability of any wrong verdict by the metric, and of any by the guardrails
/// @param minSample units per arm before a mean is tested
/// @param equivalence margin within which a difference counts as none; null: never
/// @param salt salt of the assignment hash, so that experiments assign independently
/// @param ramp percentages of the canary stages
/// @param stageUnits units of the canary arm in a stage before the next stage begins
public record Definition(
    String name,
    Mode mode,
    List<Arm> arms,
    ArmMetric metric,
    List<Guardrail> guardrails,
    double alpha,
    int minSample,
    @Nullable Double equivalence,
    String salt,
    List<Integer> ramp,
    int stageUnits) {
  static final double ALPHA = 0.05;
  static final int MIN_SAMPLE = 100;
  static final int STAGE_UNITS = 50;
  static final List<Integer> RAMP = List.of(1, 5, 25, 50, 100);

  public Definition {
    arms = List.copyOf(arms);
    guardrails = List.copyOf(guardrails);
    ramp = List.copyOf(ramp);
  }

  /// Returns the index of the arm with a name; −1: none.
  int arm(String armName) {
    for (int i = 0; i < arms.size(); i++) {
      if (arms.get(i).name().equals(armName)) {
        return i;
      }
    }
    return -1;
  }

  /// Checks each arm.
  ///
  /// @param check throws InputException if an arm cannot answer
  void checkArms(Consumer<Arm> check) {
    for (int i = 0; i < arms.size(); i++) {
      try {
        check.accept(arms.get(i));
      } catch (InputException e) {
        throw new FieldException("arms[" + i + "].adapter", String.valueOf(e.getMessage()));
      }
    }
  }

  /// Returns the definition with the adapters' current digests.
  Definition pinned(Resolver resolver) {
    List<Arm> pinned = new ArrayList<>();
    for (Arm arm : arms) {
      try {
        String digest = resolver.digest(arm.adapter());
        pinned.add(new Arm(arm.name(), arm.adapter(), digest, arm.weight()));
      } catch (InputException e) {
        throw new FieldException(
            "arms[" + pinned.size() + "].adapter", String.valueOf(e.getMessage()));
      }
    }
    return new Definition(
        name,
        mode,
        pinned,
        metric,
        guardrails,
        alpha,
        minSample,
        equivalence,
        salt,
        ramp,
        stageUnits);
  }

  /// Returns the mode as in settings.
  String modeWord() {
    return mode.name().toLowerCase(Locale.ROOT);
  }
}
