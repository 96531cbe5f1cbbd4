package dev.nudge.server;

import dev.nudge.registry.Reference;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Served;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The server's adapter names, from settings or load requests, each a folder or a registry
/// reference.
///
/// Names and references are resolved for each request, so a moved alias takes effect with the next
/// request.
///
/// Threading: any number of threads.
final class NamedPlaces implements ServedAdapters {
  private static final String REGISTRY = "registry:";

  private final Map<String, Place> places = new ConcurrentSkipListMap<>();
  private final Folders folders;
  private final KeptReferences references;
  private final String base;

  /// The source of an adapter: a folder or a registry reference.
  private sealed interface Place {
    record Folder(Path path) implements Place {}

    record RegistryReference(String reference) implements Place {}

    default boolean isAlias() {
      return this instanceof RegistryReference kept
          && Reference.parse(kept.reference).to() instanceof Reference.Alias;
    }

    default String shown() {
      return switch (this) {
        case Folder(Path path) -> path.toString();
        case RegistryReference(String reference) -> reference;
      };
    }
  }

  private NamedPlaces(Folders folders, KeptReferences references, String base) {
    this.folders = folders;
    this.references = references;
    this.base = base;
  }

  /// Creates the names of the settings.
  ///
  /// @throws InputException if a value is neither folder nor reference
  static NamedPlaces of(ServeSettings settings, Folders folders, KeptReferences references) {
    settings.checkMerged();
    NamedPlaces named = new NamedPlaces(folders, references, settings.baseName());
    settings
        .adapters()
        .forEach(
            (name, text) -> {
              if (name.equals(settings.baseName())) {
                throw new InputException(
                    "--adapter: '%s' is what the base is called; give the adapter another name, or the base one by --served-model-name"
                        .formatted(name));
              }
              Place place = named.given(name, text);
              named.places.put(name, place);
            });
    return named;
  }

  /// Resolves and checks each adapter at startup, so that errors show before a request. An alias at
  /// an unusable version is skipped with a warning.
  ///
  /// @throws InputException if a folder or version is missing or unusable, or all are
  void load(Consumer<Served> check, Consumer<String> warnings) {
    Map<String, InputException> out = new LinkedHashMap<>();
    places.forEach(
        (name, place) -> {
          Served served = null;
          InputException unusable = null;
          try {
            served = served(name, place);
            if (served != null) {
              check.accept(served);
            }
          } catch (ApiException e) {
            unusable = new InputException("--adapter %s: %s".formatted(name, e.getMessage()), e);
          } catch (InputException e) {
            unusable = e;
          }
          if (served == null && unusable == null) {
            throw new InputException(
                "--adapter %s=%s: the registry %s has no such version; nudge adapters list --registry %s says what it has"
                    .formatted(name, place.shown(), references.place(), references.place()));
          }
          if (unusable != null && !place.isAlias()) {
            throw unusable;
          }
          if (unusable != null) {
            out.put(name, unusable);
          }
        });
    if (!out.isEmpty() && out.size() == places.size()) {
      throw out.values().iterator().next();
    }
    out.forEach(
        (name, reason) ->
            warnings.accept(
                "'%s' is not served: %s; once its alias is at another version, that answers"
                    .formatted(name, reason.getMessage())));
  }

  private Place given(String name, String text) {
    if (text.startsWith(REGISTRY)) {
      return new Place.RegistryReference(text.substring(REGISTRY.length()));
    }
    try {
      Path folder = Path.of(text);
      if (Files.isDirectory(folder)) {
        return new Place.Folder(folder);
      }
    } catch (InvalidPathException e) {
      // may be a reference
    }
    if (Reference.isReference(text)) {
      return new Place.RegistryReference(text);
    }
    throw new InputException(
        "--adapter %s=%s: there is no such folder, and no such reference; give a PEFT folder, or NAME@ALIAS with --registry"
            .formatted(name, text));
  }

  @Override
  public @Nullable Served find(String model) {
    Place place = places.get(model);
    if (place != null) {
      return served(model, place);
    }
    return Reference.isReference(model) ? references.find(model, model) : null;
  }

  private @Nullable Served served(String name, Place place) {
    return switch (place) {
      case Place.Folder(Path folder) ->
          new Served(name, name, null, folders.digest(folder), folder);
      case Place.RegistryReference(String reference) -> references.find(name, reference);
    };
  }

  @Override
  public boolean isStill(Served served) {
    return served.version() != null
        || served.folder() == null
        || folders.digest(served.folder()).equals(served.digest());
  }

  @Override
  public boolean hides(String name) {
    return switch (places.get(name)) {
      case null -> false;
      case Place.Folder _ -> true;
      case Place.RegistryReference(String reference) -> !name.equals(reference.split("[@:]", 2)[0]);
    };
  }

  @Override
  public List<Card> list() {
    List<Card> cards = new ArrayList<>();
    places.forEach(
        (name, place) -> {
          try {
            Served served = served(name, place);
            if (served != null) {
              cards.add(new Card(name, served));
            }
          } catch (ApiException | InputException e) {
            // not servable now; a request for it fails
          }
        });
    cards.addAll(references.list());
    return cards;
  }

  @Override
  public List<Unusable> unusable() {
    return references.unusable();
  }

  @Override
  public Served load(String name, String text, boolean replace, Consumer<Served> check) {
    if (!ServeSettings.isName(name) || name.equals(base)) {
      throw ApiException.wrong(
          "lora_name",
          "'%s' is no name for an adapter; it is of letters, digits, '.', '_' and '-', and not the base's"
              .formatted(ApiException.shown(name)));
    }
    String reference = text.startsWith(REGISTRY) ? text.substring(REGISTRY.length()) : text;
    Place place =
        Reference.isReference(reference)
            ? new Place.RegistryReference(reference)
            : new Place.Folder(folders.named("lora_path", text));
    Served served = served(name, place);
    if (served == null) {
      throw ApiException.noModel(reference);
    }
    check.accept(served);
    if (replace) {
      places.put(name, place);
    } else if (places.putIfAbsent(name, place) != null) {
      throw ApiException.wrong(
          "lora_name",
          "'%s' is loaded already; unload it first, or send \"load_inplace\": true"
              .formatted(name));
    }
    return served;
  }

  @Override
  public @Nullable Served unload(String name) {
    Place place = places.remove(name);
    if (place == null) {
      return null;
    }
    try {
      return served(name, place);
    } catch (ApiException | InputException e) {
      return new Served(name, name, null, null, null); // the adapter is gone already
    }
  }
}
