package dev.nudge.registry;

import dev.nudge.format.Blobs;
import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.settings.Nearest;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The current state of a registry, replayed from its [Journal]: versions and aliases.
///
/// Threading: one thread at a time.
final class Book {
  /// Versions, aliases and protections of an adapter.
  private static final class Shelf {
    private final TreeMap<Integer, Version> versions = new TreeMap<>();
    private final TreeMap<String, Alias> aliases = new TreeMap<>();
    private final TreeMap<String, Protection> protections = new TreeMap<>();
    private int last; // the highest number ever assigned

    boolean isAliased(int version) {
      return aliases.values().stream().anyMatch(alias -> alias.version() == version);
    }
  }

  private final TreeMap<String, Shelf> shelves = new TreeMap<>();
  private final Function<String, Path> folders; // of a digest

  Book(Function<String, Path> folders) {
    this.folders = folders;
  }

  /// Visits an adapter's contents.
  interface Teller {
    void tell(
        String name,
        int last,
        Collection<Version> versions,
        Collection<Alias> aliases,
        Collection<Protection> protections);
  }

  /// Visits all names, also names without versions.
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

  /// Adds a name with the highest version number that was ever assigned.
  void put(String name, int last) {
    shelves.computeIfAbsent(name, _ -> new Shelf()).last = last;
  }

  /// Adds a version to an existing name.
  void put(Version version) {
    shelf(version.name()).versions.put(version.number(), version);
  }

  /// Adds an alias to an existing name.
  void put(String name, Alias alias) {
    shelf(name).aliases.put(alias.name(), alias);
  }

  /// Adds the protection of an alias to an existing name.
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

  /// Applies an event.
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
        } // an older nudge allowed this for any version
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

  /// An adapter by name; null if it has no versions.
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

  /// The version with a number; null: none.
  @Nullable Version version(String name, int number) {
    return versions(name).get(number);
  }

  /// The latest version with a digest; null: none.
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

  /// An alias; null: none.
  @Nullable Alias alias(String name, String alias) {
    Shelf shelf = shelves.get(name);
    return shelf == null ? null : shelf.aliases.get(alias);
  }

  /// The protection of an alias; null if it is not protected.
  @Nullable Protection protection(String name, String alias) {
    Shelf shelf = shelves.get(name);
    return shelf == null ? null : shelf.protections.get(alias);
  }

  /// The number of the next version.
  int next(String name) {
    Shelf shelf = shelves.get(name);
    return shelf == null ? 1 : shelf.last + 1;
  }

  /// All versions.
  Collection<Version> all() {
    return shelves.values().stream().flatMap(shelf -> shelf.versions.values().stream()).toList();
  }

  /// The target of a rollback of an alias: its latest previous version that still exists and is not
  /// blocked; null: none.
  @Nullable Version before(String name, Alias alias) {
    for (String digest : alias.before().reversed()) {
      Version version = version(name, digest);
      if (version != null && version.state() != VersionState.BLOCKED) {
        return version;
      }
    }
    return null;
  }

  /// Finds the version that a reference names, blocked or not.
  ///
  /// @param folder of the registry, for the message
  /// @throws RegistryException if none matches
  Version find(Reference reference, Path folder) {
    String name = reference.name();
    Version found =
        switch (reference.to()) {
          case Reference.Alias to -> {
            Alias alias = alias(name, to.alias());
            yield alias == null ? null : version(name, alias.version());
          }
          case Reference.Number to -> version(name, to.number());
          case Reference.Digest to -> digested(reference, to.digest());
        };
    if (found == null) {
      throw unknown(reference, folder);
    }
    return found;
  }

  /// The latest version whose digest has this prefix; null: none.
  private @Nullable Version digested(Reference reference, String digest) {
    if (Blobs.isDigest(digest)) {
      return version(reference.name(), digest);
    }
    Adapter adapter = adapter(reference.name());
    List<Version> found =
        adapter == null
            ? List.of()
            : adapter.versions().stream().filter(v -> v.digest().startsWith(digest)).toList();
    if (found.stream().map(Version::digest).distinct().count() > 1) {
      throw new RegistryException(
          Reason.UNKNOWN,
          "%s is the beginning of the digests of %s; give more of its digits"
              .formatted(
                  reference, String.join(", ", found.stream().map(Version::shown).toList())));
    }
    return found.isEmpty() ? null : found.getLast();
  }

  /// The error for a missing version, with the existing ones.
  RegistryException unknown(Reference reference, Path folder) {
    Adapter adapter = adapter(reference.name());
    if (adapter == null) {
      return new RegistryException(
          Reason.UNKNOWN,
          "there is no adapter '%s' in the registry %s%s"
              .formatted(
                  reference.name(),
                  folder,
                  names().isEmpty()
                      ? ", which is empty; nudge adapters push fills it, --registry names another"
                      : Nearest.hint(reference.name(), names())));
    }
    List<Integer> numbers = adapter.versions().stream().map(Version::number).toList();
    List<String> aliases = adapter.aliases().stream().map(Alias::name).toList();
    return new RegistryException(
        Reason.UNKNOWN,
        "there is no %s; versions of %s are %s, aliases %s"
            .formatted(
                reference,
                reference.name(),
                shortened(numbers),
                aliases.isEmpty() ? "none" : String.join(", ", aliases)));
  }

  private static String shortened(List<Integer> numbers) {
    int most = 8;
    String last =
        String.join(
            ", ",
            numbers.subList(Math.max(0, numbers.size() - most), numbers.size()).stream()
                .map(String::valueOf)
                .toList());
    return numbers.size() > most ? numbers.getFirst() + " … " + last : last;
  }

  /// Checks that neither an alias nor a possible rollback references a version.
  ///
  /// @throws RegistryException if one does
  void checkFree(Version version) {
    Adapter adapter = Objects.requireNonNull(adapter(version.name()));
    for (Alias alias : adapter.aliases()) {
      Version before = before(version.name(), alias);
      boolean at = alias.version() == version.number();
      if (at || (before != null && before.number() == version.number())) {
        throw new RegistryException(
            RegistryException.Reason.REFERENCED,
            "%s stays: %s@%s %s; move the alias, or take it away with nudge adapters alias %s@%s none"
                .formatted(
                    version.shown(),
                    version.name(),
                    alias.name(),
                    at ? "is at it" : "would be rolled back to it",
                    version.name(),
                    alias.name()));
      }
    }
  }
}
