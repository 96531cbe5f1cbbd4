package dev.nudge.server.ui;

import dev.nudge.generate.Session;
import dev.nudge.registry.Registry;
import dev.nudge.server.Client;
import dev.nudge.server.Routes;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/// The page at `/ui` with the routes that only it asks.
public final class Dashboard {
  private final Registry registry;
  private final RunsRoutes runs;

  private Dashboard(Registry registry, RunsRoutes runs) {
    this.registry = registry;
    this.runs = runs;
  }

  /// Looks at what the page shows beside the session.
  ///
  /// @param runs folders whose runs are shown
  /// @param warnings told one line for each run that cannot be read
  /// @throws dev.nudge.settings.InputException where a folder of runs is not there
  public static Dashboard of(Registry registry, List<String> runs, Consumer<String> warnings) {
    return new Dashboard(registry, RunsRoutes.of(runs.stream().map(Path::of).toList(), warnings));
  }

  /// Adds the page and its routes to those of a server.
  public Routes add(Routes routes, Session session) {
    new UiRoutes().add(routes);
    VersionRoutes.of(registry).add(routes);
    runs.add(routes);
    return new LoadRoute(session).add(routes);
  }

  /// Whether a client may use everything, and so see what is of no one adapter.
  static boolean seesAll(Client client) {
    return client.allowed() == null;
  }
}
