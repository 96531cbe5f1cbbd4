package dev.nudge.server.ui;

import dev.nudge.generate.Session;
import dev.nudge.registry.Registry;
import dev.nudge.server.Client;
import dev.nudge.server.Routes;
import dev.nudge.settings.ServeSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The page at `/ui` with the routes that only it asks.
public final class Dashboard {
  private Dashboard() {}

  /// Adds all of them to a server.
  ///
  /// @param warnings told one line for each run that cannot be read
  /// @throws dev.nudge.settings.InputException where a folder of runs is not there
  public static Routes add(
      Routes routes, ServeSettings settings, Session session, Consumer<String> warnings) {
    new UiRoutes().add(routes);
    new VersionRoutes(registry(settings.registry())).add(routes);
    RunsRoutes.of(settings.runs().stream().map(Path::of).toList(), warnings).add(routes);
    return new LoadRoute(session).add(routes);
  }

  private static @Nullable Registry registry(@Nullable Path given) {
    Path folder = given == null ? Registry.home() : given;
    return given != null || Files.isDirectory(folder) ? Registry.open(folder) : null;
  }

  /// Whether a client may use everything, and so see what is of no one adapter.
  static boolean seesAll(Client client) {
    return client.allowed() == null;
  }
}
