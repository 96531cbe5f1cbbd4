package dev.nudge.cli;

import dev.nudge.settings.GenerateSettings;
import java.util.function.Consumer;

/// Gives a prompt back in two pieces, and two rows for a file.
final class EchoCompleter implements GenerateVerb.Completer {

  @Override
  public GenerateVerb.Answer prompt(
      GenerateSettings settings, Consumer<String> pieces, Consumer<String> warnings) {
    String prompt = String.valueOf(settings.prompt());
    warnings.accept("only an echo");
    pieces.accept(prompt.substring(0, 1));
    pieces.accept(prompt.substring(1));
    return new GenerateVerb.Answer(new GenerateVerb.Row(0, prompt, 2, "eos"), 0.5);
  }

  @Override
  public double rows(
      GenerateSettings settings,
      Consumer<GenerateVerb.Row> rows,
      Consumer<String> notes,
      Consumer<String> warnings) {
    rows.accept(new GenerateVerb.Row(0, "a", 1, "length"));
    rows.accept(new GenerateVerb.Row(2, "é\n", 3, "string"));
    return 0.25;
  }
}
