package dev.nudge.cli.console;

import dev.nudge.export.LoraFolder;
import dev.nudge.hub.Hub;
import dev.nudge.hub.HubFiles;
import dev.nudge.hub.HubListener;
import dev.nudge.hub.HubSettings;
import dev.nudge.hub.RepoName;
import dev.nudge.plan.KnownModels;
import dev.nudge.registry.Reference;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting.Names;
import dev.nudge.settings.SettingComponent;
import dev.nudge.settings.verb.ChatSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Replaces hub names in settings by local paths, and downloads missing files.
///
/// An existing path and a reference of the registry stay unchanged; else `org/name` is a hub name.
/// `hf:` forces a hub name, and names of data need it. If headers of a model suffice, a temporary
/// folder of headers is made, which [#close] removes. An adapter in a GGUF file is converted to a
/// folder in the cache.
public final class HubNames implements AutoCloseable {
  /// The parts of a model that a verb needs.
  public enum Part {
    /// Configs, and the headers of weight files.
    HEADERS,
    /// Headers and the tokenizer.
    TOKENIZER,
    /// The whole model.
    WEIGHTS
  }

  private final Supplier<Hub> hub;
  private final HubListener listener;
  private final Console console;
  private final List<Path> made = new ArrayList<>();

  HubNames(Supplier<Hub> hub, HubListener listener, Console console) {
    this.hub = hub;
    this.listener = listener;
    this.console = console;
  }

  /// Opens the hub as the environment and `--offline` say.
  public static HubNames of(Console console) {
    return new HubNames(() -> hub(console), new HubProgress(console), console);
  }

  public static Hub hub(Console console) {
    Path home = Path.of(System.getProperty("user.home", "."));
    HubSettings settings = HubSettings.of(System.getenv(), home);
    return Hub.of(console.offline() ? settings.withOffline() : settings);
  }

  /// Returns the settings with paths in place of names.
  public <S extends Record> S in(Verb<S> verb, S settings) {
    return in(verb.schema(), settings, verb.needs(settings));
  }

  /// Returns the settings of a run with paths in place of names.
  public <S extends Record> S in(Schema<S> schema, S settings, Part part) {
    Map<String, Object> changed = new LinkedHashMap<>();
    Map<String, @Nullable Object> values = schema.values(settings);
    List<SettingComponent> knobs = new ArrayList<>(schema.knobs());
    knobs.sort(Comparator.comparing(knob -> knob.setting().names() != Names.MODEL)); // models first
    for (SettingComponent knob : knobs) {
      Names kind = knob.setting().names();
      Object value = kind == Names.NOTHING ? null : values.get(knob.key());
      Object model = changed.getOrDefault("model", values.get("model"));
      if (value instanceof List<?> all) {
        List<String> paths = new ArrayList<>();
        all.forEach(one -> paths.addAll(paths(kind, knob, one.toString(), part, model)));
        if (!paths.equals(all)) {
          changed.put(knob.key(), paths);
        }
      } else if (value != null) {
        List<String> paths = paths(kind, knob, value.toString(), part, model);
        if (paths.size() > 1) {
          throw new InputException(
              "%s is %s, which names %d files; give one"
                  .formatted(knob.flag(), value, paths.size()));
        }
        if (!paths.getFirst().equals(value)) {
          changed.put(knob.key(), paths.getFirst());
        }
      }
    }
    return changed.isEmpty() ? settings : schema.with(settings, changed);
  }

  private List<String> paths(
      Names kind, SettingComponent knob, String text, Part part, @Nullable Object model) {
    int sign = kind == Names.ADAPTER ? ChatSettings.nameEnd(text) : -1;
    String prefix = text.substring(0, sign + 1); // NAME=
    String name = text.substring(sign + 1);
    if (kind == Names.ADAPTER && model != null && isGguf(name)) {
      Path base = Path.of(model.toString());
      return List.of(prefix + LoraFolder.of(Path.of(name), base, CacheFolder.of(System.getenv())));
    }
    if (!isHubs(kind, name)) {
      return List.of(text);
    }
    try {
      return switch (kind) {
        case NOTHING -> List.of(text);
        case MODEL -> List.of(model(name, part).toString());
        case ADAPTER -> List.of(prefix + hub.get().adapter(name, listener).place());
        case DATA -> hub.get().data(name, listener).files().stream().map(Path::toString).toList();
      };
    } catch (NudgeException e) {
      String shape = name.substring(name.lastIndexOf('/') + 1);
      boolean known = part == Part.HEADERS && KnownModels.named(shape).isPresent();
      if (name.startsWith(RepoName.SCHEME) && !known) {
        throw e;
      }
      String line =
          "%s %s: there is no such folder here, and of the hub: %s%s"
              .formatted(
                  knob.flag(),
                  name,
                  e.getMessage(),
                  known ? "; nudge knows its shape: %s %s".formatted(knob.flag(), shape) : "");
      throw e instanceof InputException ? new InputException(line, e) : new RunException(line, e);
    }
  }

  private static boolean isGguf(String name) {
    return name.endsWith(".gguf") && Files.isRegularFile(Path.of(name));
  }

  private Path model(String name, Part part) {
    return part == Part.WEIGHTS
        ? hub.get().model(name, listener).place()
        : headers(name, part == Part.TOKENIZER);
  }

  private static boolean isHubs(Names kind, String name) {
    if (name.startsWith(RepoName.SCHEME)) {
      return true;
    }
    if (kind == Names.DATA || !RepoName.isName(name) || name.startsWith("datasets/")) {
      return false;
    }
    try {
      Path path = Path.of(name);
      Path parent = path.getParent();
      boolean ours = // a mistyped folder is not looked up on the hub
          kind == Names.ADAPTER
              && (Reference.isReference(name) || parent != null && Files.isDirectory(parent));
      return !Files.exists(path) && !ours;
    } catch (InvalidPathException e) {
      return true;
    }
  }

  /// Returns the model's folder if it is cached, else a folder of headers.
  private Path headers(String text, boolean tokenizer) {
    RepoName name = RepoName.parse(text, RepoName.Kind.MODEL);
    HubFiles here = hub.get().cached(name);
    if (here != null) {
      return here.place();
    }
    Headers headers = Headers.of(hub.get(), name, tokenizer, listener);
    made.add(headers.root());
    console.note(
        "%s: %s of configs and headers fetched by range; its weights, %s, are not"
            .formatted(
                name,
                Bytes.shown(headers.about().fetched()),
                Bytes.shown(headers.about().weights())));
    return headers.about().place();
  }

  /// A folder of headers, within a folder that has the hub cache's layout, so messages show it by
  /// the model's name.
  ///
  /// @param root folder to remove in the end
  public record Headers(Path root, Hub.Headers about) {
    public static Headers of(Hub hub, RepoName name, boolean tokenizer, HubListener listener) {
      Path cache = CacheFolder.of(System.getenv());
      Path root = null;
      try {
        Files.createDirectories(cache);
        root = Files.createTempDirectory(cache, "headers-");
        Path folder =
            root.resolve("models--" + name.id().replace("/", "--"))
                .resolve("snapshots")
                .resolve("0".repeat(40));
        Files.createDirectories(folder);
        return new Headers(root, hub.headers(name, folder, tokenizer, listener));
      } catch (IOException e) {
        throw new RunException(
            "%s: headers cannot be kept in %s: %s".formatted(name, cache, e.getMessage()), e);
      } catch (NudgeException e) {
        if (root != null) {
          Hub.deleteHeaders(root);
        }
        throw e;
      }
    }
  }

  @Override
  public void close() {
    made.forEach(Hub::deleteHeaders);
  }
}
