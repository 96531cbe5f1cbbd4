package dev.nudge.cli.machine;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.SearchPath;
import dev.nudge.cli.console.Verb;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge install`: installs or removes a link to the launcher in the PATH, or an optional module.
///
/// @param environment environment variables: HOME and PATH
/// @param launcher the script that started this process; null: none
public record InstallVerb(Map<String, String> environment, @Nullable String launcher)
    implements Verb<InstallVerb.Settings> {

  /// The flags of `nudge install`.
  record Settings(
      @Setting(
              help = "a module instead of the link: duckdb reads Parquet and --sql (80 MB)",
              label = "MODULE",
              operand = true)
          @Nullable Module module,
      @Setting(help = "folder of the link (default: ~/.local/bin)", label = "FOLDER")
          @Nullable Path dir,
      @Setting(help = "remove it instead") boolean remove) {}

  /// The optional modules.
  enum Module {
    DUCKDB
  }

  /// The object that `nudge install duckdb --json` prints.
  record ModuleSummary(String module, boolean installed) {}

  /// The object that `nudge install --json` prints.
  ///
  /// @param to target of the link; null: the link is absent or was removed
  /// @param before previous target; null if there was none
  /// @param onPath whether a shell finds the link by its name
  record Summary(String link, @Nullable String to, @Nullable String before, boolean onPath) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "install",
        "puts a link to this nudge on the PATH, or adds a module; or removes it",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) throws IOException {
    if (settings.module() != null) {
      return module(settings, console);
    }
    CommandLink link = new CommandLink(folder(settings));
    if (settings.remove()) {
      @Nullable Path before = link.remove();
      console.note(
          before == null
              ? "there is no " + link.path() + "; nothing to remove"
              : link.path() + " is removed; it led to " + before);
      console.object(new Summary(link.path().toString(), null, text(before), false));
      return ExitCode.DONE;
    }
    Path to = target();
    @Nullable Path before = link.put(to);
    SearchPath path = SearchPath.of(environment);
    console.note(
        to.equals(before)
            ? link.path() + " leads to " + to + " already"
            : link.path() + " leads to " + to + (before == null ? "" : ", no longer to " + before));
    path.problem(link.path()).ifPresent(console::warn);
    console.note("to complete verbs and flags in a shell, see nudge completion --help");
    console.object(
        new Summary(link.path().toString(), to.toString(), text(before), path.finds(link.path())));
    return ExitCode.DONE;
  }

  private int module(Settings settings, Console console) throws IOException {
    if (settings.dir() != null) {
      throw new InputException("--dir is of the link; a module lies in the repository");
    }
    DuckDbModule module = DuckDbModule.of(launcher("install " + DuckDbModule.NAME));
    if (settings.remove()) {
      console.note(
          module.remove() ? "DuckDB is removed" : "DuckDB is not installed; nothing to remove");
    } else {
      console.note("building the module; the first time it fetches 80 MB");
      module.install();
      console.note("Parquet files and --sql are read now");
    }
    console.object(new ModuleSummary(DuckDbModule.NAME, !settings.remove()));
    return ExitCode.DONE;
  }

  private Path target() {
    if (System.getProperty("os.name", "").startsWith("Windows")) {
      throw new InputException(
          "install makes a link, which Windows lets few users do; put the repository on the Path");
    }
    return Path.of(launcher("install"));
  }

  /// Returns the launcher that started this process, which `command` requires.
  private String launcher(String command) {
    if (launcher == null) {
      throw new InputException("this process was not started by ./nudge; run ./nudge " + command);
    }
    return launcher;
  }

  private Path folder(Settings settings) {
    Path home = Path.of(environment.getOrDefault("HOME", System.getProperty("user.home", ".")));
    Path folder = settings.dir() == null ? home.resolve(".local/bin") : settings.dir();
    return folder.toAbsolutePath().normalize();
  }

  private static @Nullable String text(@Nullable Path path) {
    return path == null ? null : path.toString();
  }
}
