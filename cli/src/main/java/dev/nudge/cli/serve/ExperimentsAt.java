package dev.nudge.cli.serve;

import static java.util.Objects.requireNonNull;

import dev.nudge.format.Json;
import dev.nudge.server.ServeSettings;
import dev.nudge.server.experiments.StoredExperiments;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Access to experiments, in a running server or in a server's folder.
interface ExperimentsAt {
  String SERVER = "the server that runs them";
  String KEY = "file with the server's admin key on its first line";
  String NAME = "name of the experiment";

  /// Returns all experiments, as `GET /v1/experiments` does.
  JsonNode list();

  /// Returns the report of one experiment.
  JsonNode show(String name);

  /// Stops an experiment.
  JsonNode stop(String name, @Nullable String arm, String reason);

  /// The flags that select server or folder.
  record ServerFlags(
      @Setting(help = SERVER, byDefault = ServeSettings.URL, unless = "store", label = "URL")
          @Nullable String server,
      @Setting(help = KEY, label = "FILE") @Nullable Path adminKeyFile,
      @Setting(
              help =
                  "the folder of nudge serve --experiments, instead of --server; to stop one, while"
                      + " that does not run",
              label = "FOLDER")
          @Nullable Path store) {

    /// Opens the selected server or folder.
    ///
    /// @param notes receives a line that names the server
    /// @throws InputException if both are given
    ExperimentsAt open(Consumer<String> notes) {
      if (server != null && store != null) {
        throw new InputException("--server and --store are both given; give one of them");
      } else if (store == null) {
        return ExperimentsServer.of(requireNonNull(server), adminKeyFile, notes);
      } else if (adminKeyFile != null) {
        throw new InputException("--admin-key-file goes with --server; leave it out");
      }
      return inFolder(store);
    }
  }

  private static ExperimentsAt inFolder(Path store) {
    StoredExperiments kept = StoredExperiments.in(store);
    return new ExperimentsAt() {
      @Override
      public JsonNode list() {
        return Json.tree(kept.list());
      }

      @Override
      public JsonNode show(String name) {
        return Json.tree(kept.show(name));
      }

      @Override
      public JsonNode stop(String name, @Nullable String arm, String reason) {
        return Json.tree(kept.stop(name, arm, reason));
      }
    };
  }
}
