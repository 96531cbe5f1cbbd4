package dev.nudge.registry;

import dev.nudge.format.Blobs;
import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.settings.Nearest;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Finds the version that a reference names; its errors list the alternatives.
///
/// @param folder of the registry, for messages
record Lookup(Book book, Path folder) {

  /// Finds a version, blocked or not.
  ///
  /// @throws RegistryException if there is none
  Version find(Reference reference) {
    String name = reference.name();
    Version found =
        switch (reference.to()) {
          case Reference.Alias to -> {
            Alias alias = book.alias(name, to.alias());
            yield alias == null ? null : book.version(name, alias.version());
          }
          case Reference.Number to -> book.version(name, to.number());
          case Reference.Digest to -> digested(reference, to.digest());
        };
    if (found == null) {
      throw unknown(reference);
    }
    return found;
  }

  /// The latest version whose digest has this prefix; null if there is none.
  private @Nullable Version digested(Reference reference, String digest) {
    if (Blobs.isDigest(digest)) {
      return book.version(reference.name(), digest);
    }
    Adapter adapter = book.adapter(reference.name());
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
  RegistryException unknown(Reference reference) {
    Adapter adapter = book.adapter(reference.name());
    if (adapter == null) {
      return new RegistryException(
          Reason.UNKNOWN,
          "there is no adapter '%s' in the registry %s%s"
              .formatted(
                  reference.name(),
                  folder,
                  book.names().isEmpty()
                      ? ", which is empty; nudge adapters push fills it, --registry names another"
                      : Nearest.hint(reference.name(), book.names())));
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
}
