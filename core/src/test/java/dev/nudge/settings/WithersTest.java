package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.train.LoopSettings;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.PreviewSettings;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.InitSettings;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.settings.verb.ScoreSettings;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Changes settings of the library.
class WithersTest implements WitherRules {
  private static final Path A = Path.of("a");
  private static final Path B = Path.of("b");

  @Override
  public Stream<Withers<?>> settings() {
    return Stream.of(
        TrainSettings.of(A, A, B),
        ScoreSettings.of(A, A),
        GenerateSettings.of(A, "p").withData("d"),
        MergeSettings.of(A, A, B),
        QuantizeSettings.of(A, B),
        InitSettings.of(A, B),
        PlanSettings.of(A).withData("d"),
        PreviewSettings.of(A, A),
        ModelSettings.of(A),
        SamplingSettings.greedy());
  }

  @Override
  public boolean isOther(Withers<?> settings, SettingComponent knob) {
    return knob.key().equals("dry_run") // in Java code it is `Training.prepare`
        || settings instanceof PlanSettings && knob.key().equals("tokens");
  }

  @Test
  void aWitherChecks() {
    assertThatThrownBy(() -> TrainSettings.of(A, A, B).withRank(0))
        .isInstanceOf(InputException.class)
        .hasMessage("withRank is 0; it must be at least 1");
    assertThatThrownBy(() -> TrainSettings.of(A, A, B).withMethod(Method.FULL).withRank(8))
        .hasMessage(
            "withRank is given with withMethod full, which trains no adapter; leave one out");
  }

  @Test
  void tokensOfAPlanStandForDataThatIsNotThere() {
    assertThat(PlanSettings.of(A).withTokens(7).tokens()).isEqualTo(7);
  }

  @Test
  void stepsTakeThePlaceOfEpochs() {
    LoopSettings loop = TrainSettings.of(A, A, B).withEpochs(3).withSteps(5).loop();
    assertThat(loop.steps()).isEqualTo(5);
    assertThat(loop.epochs()).isNull();
  }
}
