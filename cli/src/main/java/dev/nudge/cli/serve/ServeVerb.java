package dev.nudge.cli.serve;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.Verb;
import dev.nudge.server.ServeSettings;
import dev.nudge.server.Server;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/// `nudge serve`: runs the HTTP server until it is stopped.
///
/// @param starter starts the server
public record ServeVerb(Starter starter) implements Verb<ServeSettings> {

  /// The library function that this verb calls.
  public interface Starter {
    /// Loads the model and listens.
    Server start(ServeSettings settings, Consumer<String> warnings);
  }

  @Override
  public About<ServeSettings> about() {
    return new About<>(
        "serve",
        "serves a model and its adapters over HTTP, in the shape of OpenAI's API",
        ServeSettings.class);
  }

  /// On a stop signal, running answers may finish within `--drain-timeout`.
  @Override
  public int run(ServeSettings settings, Console console) throws InterruptedException {
    CountDownLatch stop = new CountDownLatch(1);
    try (Signals signals = Signals.catching(stop::countDown);
        Server server = starter.start(settings, console::warn)) {
      console.messages().println("listening on " + server.url());
      console.messages().println("page for browsers: " + server.url() + "/ui");
      console.messages().println("moves of aliases, loads and experiments: " + changes(settings));
      server.forms().forEach(console::note);
      console.object(Map.of("url", server.url().toString()));
      stop.await();
      console.note("stopping when the answers under way have ended; again to stop at once");
      if (!server.drain(Duration.ofSeconds(settings.drainTimeout()))) {
        console.warn(
            "answers were cut off: they took more than --drain-timeout %d seconds"
                .formatted(settings.drainTimeout()));
      }
      return signals.exitCode();
    }
  }

  private static String changes(ServeSettings settings) {
    return switch (settings.changes()) {
      case KEY -> "with the key of --admin-key-file";
      case OPEN -> "open to every account of this machine (--allow-keyless-admin)";
      case NONE -> "refused, as there is no --admin-key-file";
    };
  }
}
