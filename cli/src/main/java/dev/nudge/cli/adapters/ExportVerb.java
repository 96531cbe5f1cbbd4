package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.Verb;
import dev.nudge.export.Exported;
import dev.nudge.format.Json;
import dev.nudge.hub.CardFacts;
import dev.nudge.hub.Hub;
import dev.nudge.hub.RepoName;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import dev.nudge.settings.verb.ExportSettings;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// `nudge export`: writes a model or an adapter as a GGUF file, and may publish it.
///
/// @param exporter runs the export
/// @param publisher publishes the folder of the export
public record ExportVerb(Exporter exporter, Publisher publisher)
    implements Verb<ExportVerb.Settings> {
  public ExportVerb(Exporter exporter) {
    this(exporter, new HubPublish());
  }

  /// The library function that this verb calls.
  public interface Exporter {
    /// Writes the file.
    ///
    /// @param cancelled polled between layers; if true, nothing is left behind
    /// @return what was written; null if cancelled
    @Nullable Exported run(
        ExportSettings settings, Consumer<String> warnings, BooleanSupplier cancelled);
  }

  /// Publishes the export, for `--push`.
  interface Publisher {
    /// Checks that publishing is possible, before anything is written.
    default void check(Console console, RepoName name) {}

    /// Publishes a folder, see [HubPublish#run].
    Hub.Published publish(
        Console console, RepoName name, Path folder, CardFacts facts, boolean open);
  }

  /// The flags of `nudge export`.
  record Settings(
      @Group("Model and machine") ExportSettings export,
      @Group("Publishing")
          @Setting(
              help = "publish the folder of --out on the hub, as hf:org/name",
              label = "hf:ORG/NAME")
          @Nullable String push,
      @Setting(help = "let everybody see a new repository of the hub (default: private)")
          boolean open) {
    Settings {
      if (open && push == null) {
        throw new InputException("--open is for --push; leave it out");
      }
    }
  }

  @Override
  public About<Settings> about() {
    return new About<>(
        "export",
        "writes a model or an adapter as a GGUF file, for llama.cpp and Ollama",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    ExportSettings export = settings.export();
    RepoName target = settings.push() == null ? null : HubPublish.name(settings.push());
    Path folder = Objects.requireNonNull(export.out().toAbsolutePath().getParent(), "a root");
    if (target != null) {
      checkAlone(folder, export.out());
      publisher.check(console, target);
    }
    Exported done;
    try (Signals signals = Signals.catching(() -> console.note("\nstopping"))) {
      done = exporter.run(export, console::warn, signals::stopped);
      if (done == null) {
        return signals.exitCode();
      }
    }
    console.note(
        String.format(
            Locale.ROOT,
            "%s: %,d tensors in %s, %s, in %.1f s",
            done.out(),
            done.tensors(),
            done.type(),
            Bytes.shown(done.bytes()),
            done.seconds()));
    console.note(
        done.modelfile() == null
            ? "no Modelfile is written: another one is there"
            : "for Ollama: ollama create NAME -f " + done.modelfile());
    Map<String, @Nullable Object> values = Json.plain(Json.tree(done));
    if (target != null) {
      CardFacts facts = CardFacts.of(folder, done.licence());
      values.put("published", publisher.publish(console, target, folder, facts, settings.open()));
    }
    console.object(values);
    return ExitCode.DONE;
  }

  /// Refuses to publish a folder that has files other than the export.
  private static void checkAlone(Path folder, Path out) {
    String[] files = folder.toFile().list();
    Set<String> others = new TreeSet<>(List.of(files == null ? new String[0] : files));
    others.removeAll(List.of(out.getFileName().toString(), "Modelfile", "README.md"));
    if (!others.isEmpty()) {
      throw new InputException(
          "--push publishes the folder of --out, and it holds %s too; give --out in a folder of its own"
              .formatted(others.iterator().next()));
    }
  }
}
