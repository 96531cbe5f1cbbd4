package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.HubNames;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.Schema;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.train.TrainSettings;
import java.util.List;

/// `nudge plan`: estimates memory, time and cost of a training run before it starts.
///
/// @param forecaster computes the plan
public record PlanVerb(Forecaster forecaster) implements Verb<PlanSettings> {

  /// The library function that this verb calls.
  public interface Forecaster {
    /// Plans a run; nothing is loaded and nothing is written.
    Answer plan(PlanSettings settings);
  }

  /// The estimate, as text and as JSON.
  ///
  /// @param fits whether the run fits into memory
  /// @param object object for `--json`
  public record Answer(boolean fits, List<String> lines, Object object) {}

  @Override
  public About<PlanSettings> about() {
    return new About<>(
        "plan",
        "says what memory, time and money a run needs, before it starts",
        PlanSettings.class);
  }

  @Override
  public boolean takesFile() {
    return true;
  }

  /// A `--config` file of `train` is accepted; keys without a flag of `plan` are ignored.
  @Override
  public boolean ignores(String key) {
    return has(Schema.of(TrainSettings.class), key) && !has(schema(), key);
  }

  private static boolean has(Schema<?> schema, String key) {
    return schema.knobs().stream().anyMatch(knob -> knob.key().equals(key));
  }

  @Override
  public HubNames.Part needs(PlanSettings settings) {
    return settings.data().isEmpty() && settings.lora().addTokens() == null
        ? HubNames.Part.HEADERS
        : HubNames.Part.TOKENIZER;
  }

  @Override
  public int run(PlanSettings settings, Console console) {
    Answer answer = forecaster.plan(settings);
    answer.lines().forEach(console::result);
    console.object(answer.object());
    return answer.fits() ? ExitCode.DONE : ExitCode.WRONG; // the exit code that the run would have
  }
}
