package dev.nudge.cli.serve;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.server.access.NewClient;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge keys add`: creates an API key for a client of `serve`.
public record KeysAddVerb() implements Verb<KeysAddVerb.Settings> {

  /// The flags of `nudge keys add`.
  ///
  /// @param adapter allowed adapters; empty: all
  record Settings(
      @Setting(help = "name of the client", label = "NAME", operand = true, required = true)
          String name,
      @Setting(
              help = "file of clients; it is made where it is not there",
              label = "FILE",
              required = true)
          Path apiKeys,
      @Setting(
              help =
                  "adapter that it may use: its name, a reference, or the base's name; may be given"
                      + " several times (default: all)",
              label = "NAME")
          List<String> adapter,
      @Setting(help = "what answers where a request names no model", label = "NAME")
          @Nullable String defaultAdapter,
      @Setting(help = "most requests a minute (default: any number)")
          @Nullable Long requestsPerMinute,
      @Setting(help = "most tokens a day, of prompts and answers (default: any number)")
          @Nullable Long tokensPerDay) {

    Settings {
      if (name.isBlank()) {
        throw new InputException("NAME is blank; give the client a name");
      }
      atLeastOne("--requests-per-minute", requestsPerMinute);
      atLeastOne("--tokens-per-day", tokensPerDay);
    }

    private static void atLeastOne(String flag, @Nullable Long value) {
      if (value != null && value < 1) {
        throw new InputException(flag + " is " + value + "; it must be at least 1");
      }
    }
  }

  @Override
  public About<Settings> about() {
    return new About<>(
        "keys add", "makes a key for a client of serve, and prints it once", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    String key =
        new NewClient(
                settings.name(),
                settings.adapter(),
                settings.defaultAdapter(),
                settings.requestsPerMinute(),
                settings.tokensPerDay())
            .addTo(settings.apiKeys());
    console.result(key);
    console.object(Map.of("name", settings.name(), "key", key));
    console.note(
        "%s has its digest; a server that reads the file takes it at once"
            .formatted(settings.apiKeys()));
    return ExitCode.DONE;
  }
}
