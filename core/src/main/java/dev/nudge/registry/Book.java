package dev.nudge.registry;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// What the events of a [Journal] come to: the versions and aliases that there are.
///
/// Threading: one thread at a time.
final class Book {
  /// What is under a name.
  private static final class Shelf {
    private final TreeMap<Integer, Version> versions = new TreeMap<>();
    private final TreeMap<String, Alias> aliases = new TreeMap<>();
    private final TreeMap<String, Protection> protections = new TreeMap<>();
    private int last; // the highest number that was ever given

    boolean isAliased(int version) {
      return aliases.values().stream().anyMatch(alias -> alias.version() == version);
    }
  }

  private final TreeMap<String, Shelf> shelves = new TreeMap<>();
  private final Function<String, Path> folders; // of a digest

  Book(Function<String, Path> folders) {
    this.folders = folders;
  }

  /// What is told of a name and what is under it.
  interface Teller {
    void tell(
        String name,
        int last,
        Collection<Version> versions,
        Collection<Alias> aliases,
        Collection<Protection> protections);
  }

  /// Tells all names, also those that have no version any more.
  void shelves(Teller teller) {
    shelves.forEach(
        (name, shelf) ->
            teller.tell(
                name,
                shelf.last,
                shelf.versions.values(),
                shelf.aliases.values(),
                shelf.protections.values()));
  }

  /// Puts a name there, with the highest number that it has given.
  void put(String name, int last) {
    shelves.computeIfAbsent(name, _ -> new Shelf()).last = last;
  }

  /// Puts a version under its name, which is there.
  void put(Version version) {
    shelf(version.name()).versions.put(version.number(), version);
  }

  /// Puts an alias under a name, which is there.
  void put(String name, Alias alias) {
    shelf(name).aliases.put(alias.name(), alias);
  }

  /// Puts the protection of an alias under a name, which is there.
  void put(String name, Protection protection) {
    shelf(name).protections.put(protection.alias(), protection);
  }

  private Shelf shelf(String name) {
    Shelf shelf = shelves.get(name);
    if (shelf == null) {
      throw new IllegalArgumentException("no name " + name);
    }
    return shelf;
  }

  /// Takes an event in.
  void add(RegistryEvent event) {
    Shelf shelf = shelves.computeIfAbsent(event.name(), _ -> new Shelf());
    switch (event) {
      case RegistryEvent.Pushed e -> {
        shelf.last = Math.max(shelf.last, e.version());
        shelf.versions.put(
            e.version(),
            new Version(
                e.name(),
                e.version(),
                e.digest(),
                folders.apply(e.digest()),
                VersionState.REGISTERED,
                e.note(),
                e.manifestBytes(),
                e.bytes(),
                e.rank(),
                e.base(),
                List.of()));
      }
      case RegistryEvent.Moved e -> move(shelf, e);
      case RegistryEvent.Protected e -> {
        if (e.on()) {
          shelf.protections.put(e.alias(), new Protection(e.alias(), e.policy(), e.note()));
        } else {
          shelf.protections.remove(e.alias());
        }
      }
      case RegistryEvent.Stated e -> {
        if (e.to() != VersionState.DEPLOYED || shelf.isAliased(e.version())) {
          shelf.versions.computeIfPresent(e.version(), (_, v) -> v.with(e.to()));
        } // an older nudge let people say so of any version
      }
      case RegistryEvent.Reported e ->
          shelf.versions.computeIfPresent(
              e.version(), (_, v) -> v.with(plus(v.reports(), e.report())));
      case RegistryEvent.Removed e -> shelf.versions.remove(e.version());
    }
  }

  private static <T> List<T> plus(List<T> list, T one) {
    List<T> all = new ArrayList<>(list);
    all.add(one);
    return List.copyOf(all);
  }

  private static void move(Shelf shelf, RegistryEvent.Moved e) {
    Alias was = shelf.aliases.get(e.alias());
    if (e.to() == null) {
      shelf.aliases.remove(e.alias());
    } else {
      List<String> before = was == null ? List.of() : was.before();
      String to = e.to();
      if (e.rollback()) {
        int back = before.lastIndexOf(to);
        before = List.copyOf(before.subList(0, Math.max(0, back)));
      } else if (was != null) {
        before = plus(before, was.digest());
      }
      shelf.aliases.put(e.alias(), new Alias(e.alias(), e.version(), to, e.note(), before));
      shelf.versions.computeIfPresent(
          e.version(),
          (_, v) -> v.state() == VersionState.BLOCKED ? v : v.with(VersionState.DEPLOYED));
    }
    if (was != null && !shelf.isAliased(was.version())) {
      shelf.versions.computeIfPresent(
          was.version(),
          (_, v) -> v.state() == VersionState.DEPLOYED ? v.with(VersionState.RETIRED) : v);
    }
  }

  /// The names that have versions.
  List<String> names() {
    return shelves.entrySet().stream()
        .filter(shelf -> !shelf.getValue().versions.isEmpty())
        .map(Map.Entry::getKey)
        .toList();
  }

  /// A name with what is under it; null where there is no version.
  @Nullable Adapter adapter(String name) {
    Shelf shelf = shelves.get(name);
    return shelf == null || shelf.versions.isEmpty()
        ? null
        : new Adapter(
            name,
            List.copyOf(shelf.versions.values()),
            List.copyOf(shelf.aliases.values()),
            List.copyOf(shelf.protections.values()));
  }

  /// The version of a number; null where there is none.
  @Nullable Version version(String name, int number) {
    return versions(name).get(number);
  }

  /// The latest version of a digest; null where there is none.
  @Nullable Version version(String name, String digest) {
    Version found = null;
    for (Version version : versions(name).values()) {
      found = version.digest().equals(digest) ? version : found;
    }
    return found;
  }

  private Map<Integer, Version> versions(String name) {
    Shelf shelf = shelves.get(name);
    return shelf == null ? Map.of() : Collections.unmodifiableMap(shelf.versions);
  }

  /// An alias; null where there is none.
  @Nullable Alias alias(String name, String alias) {
    Shelf shelf = shelves.get(name);
    return shelf == null ? null : shelf.aliases.get(alias);
  }

  /// How an alias is protected; null: it is not.
  @Nullable Protection protection(String name, String alias) {
    Shelf shelf = shelves.get(name);
    return shelf == null ? null : shelf.protections.get(alias);
  }

  /// The number for the next version.
  int next(String name) {
    Shelf shelf = shelves.get(name);
    return shelf == null ? 1 : shelf.last + 1;
  }

  /// All versions.
  Collection<Version> all() {
    return shelves.values().stream().flatMap(shelf -> shelf.versions.values().stream()).toList();
  }

  /// Where a rollback of an alias would go: the latest place before that is still there and not
  /// blocked; null: nowhere.
  @Nullable Version before(String name, Alias alias) {
    for (String digest : alias.before().reversed()) {
      Version version = version(name, digest);
      if (version != null && version.state() != VersionState.BLOCKED) {
        return version;
      }
    }
    return null;
  }
}
