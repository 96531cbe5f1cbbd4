package dev.nudge.server.ui;

import dev.nudge.generate.Session;
import dev.nudge.registry.Registry;
import dev.nudge.server.Routes;
import dev.nudge.server.ServedAdapters;
import dev.nudge.server.ServerExtension;
import dev.nudge.server.http.Client;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/// The web dashboard at `/ui` with its routes.
public final class Dashboard {
  private final Registry registry;
  private final RunsRoutes runs;

  private Dashboard(Registry registry, RunsRoutes runs) {
    this.registry = registry;
    this.runs = runs;
  }

  /// Creates the dashboard.
  ///
  /// @param runs folders of training runs to show
  /// @param warnings receives one line for each unreadable run
  /// @throws dev.nudge.settings.InputException if a folder does not exist
  public static Dashboard of(Registry registry, List<String> runs, Consumer<String> warnings) {
    return new Dashboard(registry, RunsRoutes.of(runs.stream().map(Path::of).toList(), warnings));
  }

  /// Adds the page and its routes.
  ///
  /// @param adapters that are served
  public Routes add(
      Routes routes, ServedAdapters adapters, Session session, ServerExtension extension) {
    new UiRoutes().add(routes);
    VersionRoutes.of(registry, adapters).add(routes);
    runs.add(routes);
    return new LoadRoute(session, extension).add(routes);
  }

  /// Returns whether a client may use all adapters, and so see global data.
  static boolean seesAll(Client client) {
    return client.allowed() == null;
  }
}
