package dev.nudge.server.experiments;

import dev.nudge.chat.FieldException;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// What an experiment is, from its beginning to its end: none of it changes while it runs.
///
/// @param name also a model of the server: who asks for it takes part
/// @param mode how traffic is divided
/// @param arms at least two; the first is what the others are held against
/// @param metric what decides
/// @param guardrails what must not get worse
/// @param alpha probability of any wrong verdict by the metric, and of any by the guardrails
/// @param minSample units an arm needs before a mean is judged
/// @param equivalence a difference of the metric that is none; null: never said to be none
/// @param salt makes the assignment another than that of the next experiment
/// @param ramp the canary's percentages
/// @param stageUnits units of the canary's second arm in a stage before the next begins
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

  /// The arm of a name; −1 where there is none.
  int arm(String armName) {
    for (int i = 0; i < arms.size(); i++) {
      if (arms.get(i).name().equals(armName)) {
        return i;
      }
    }
    return -1;
  }

  /// The same with the digests that the adapters have now.
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

  /// The word that users write for the mode.
  String modeWord() {
    return mode.name().toLowerCase(Locale.ROOT);
  }
}
