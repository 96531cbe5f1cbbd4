package dev.nudge.train.objective;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.data.rows.WantedRows;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.Examples;
import dev.nudge.settings.train.ObjectiveName;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.train.TrainSettings;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ObjectivesTest {
  private static final List<Example> STEP =
      List.of(Examples.of(new int[] {1, 2, 3}, 1), Examples.of(new int[] {1, 4}, 1));

  /// By its traits a run is planned, by its methods it is trained.
  @ParameterizedTest
  @EnumSource
  void anObjectiveDoesWhatItsTraitsSay(ObjectiveName name) {
    Map<String, Object> values =
        new HashMap<>(Map.of("model", "m", "data", "d", "out", "o", "objective", name.shown()));
    if (name.settings().contains("beta")) {
      values.put("beta", 0.1);
    }
    ObjectiveSettings settings = TrainSettings.of(values).objective();
    WantedRows rows = new WantedRows(name, null, name.groups() ? 2 : 0);
    Objective objective = Objectives.of(settings, 0.2, 8, rows);
    assertThat(objective.name()).isEqualTo(name.shown());
    assertThat(objective.needsReference()).isEqualTo(settings.hasReference());
    assertThat(objective.needsScores()).isEqualTo(name.compares());
    assertThat(objective.beside(STEP)).hasSize(name.mismatches() ? STEP.size() : 0);
    boolean several = name.pairs() || name.groups();
    assertThat(name.sharesPrompts())
        .isEqualTo(several && !name.givesScores() && !objective.countsText(0));
  }
}
