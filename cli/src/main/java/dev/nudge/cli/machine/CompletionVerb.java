package dev.nudge.cli.machine;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.Setting;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;

/// `nudge completion`: prints a shell completion script for verbs, flags and values.
///
/// @param verbs all verbs, this one included
public record CompletionVerb(Supplier<List<Verb<?>>> verbs)
    implements Verb<CompletionVerb.Settings> {

  /// The flags of `nudge completion`.
  record Settings(@Setting(help = "shell to write for", required = true) Shell shell) {}

  /// The object that `nudge completion --json` prints.
  record Script(String shell, String script) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "completion", "prints what makes a shell complete verbs, flags and values", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    String script = settings.shell().script(verbs.get());
    console.result(script);
    console.object(new Script(settings.shell().name().toLowerCase(Locale.ROOT), script));
    return ExitCode.DONE;
  }
}
