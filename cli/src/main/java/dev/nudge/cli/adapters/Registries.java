package dev.nudge.cli.adapters;

import dev.nudge.cli.console.Console;
import dev.nudge.format.Sha256;
import dev.nudge.registry.Adapter;
import dev.nudge.registry.Address;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Protection;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Helpers shared by `nudge adapters …`: flag help, parsing and formatting of versions.
final class Registries {
  static final String REGISTRY = "registry (default: ~/.local/share/nudge/registry)";
  static final String REFERENCE = "a version: NAME@ALIAS, NAME:VERSION or NAME@sha256:…";
  static final String WHY = "why, for the log";
  static final String BY = "who, for the log (default: the user)";
  static final String ANY_BASE =
      "move it to a version of another base than it had, too; the log records it";
  static final String EXPECT =
      "refuse unless the alias is at this version now: a number, a digest, or none";

  private static final String NONE = "none";

  private Registries() {}

  static Registry open(@Nullable Path folder) {
    return Registry.open(folder == null ? Registry.home() : folder);
  }

  static Note note(@Nullable String by, @Nullable String why) {
    return by == null ? Note.of(why) : Note.by(by, why);
  }

  /// Attaches reports to a version, and warns of reports about another adapter.
  ///
  /// @return the version with its reports
  static Version attach(
      Registry registry, Reference reference, List<Path> reports, Note note, Console console) {
    Version version = registry.find(reference);
    for (Path report : reports) {
      version = registry.report(reference, report, note);
      String other = registry.otherJudged(version, report);
      if (other != null) {
        console.warn(other);
      }
    }
    return version;
  }

  static Address.@Nullable Credentials credentials(@Nullable Path file) {
    return file == null ? null : Address.Credentials.read(file);
  }

  /// Parses `NAME@ALIAS`.
  static Reference alias(String text) {
    Reference reference = Reference.isReference(text) ? Reference.parse(text) : null;
    if (reference == null || !(reference.to() instanceof Reference.Alias)) {
      throw new InputException(
          "NAME@ALIAS is '%s'; it must be an adapter's name and an alias, as in support@champion"
              .formatted(text));
    }
    return reference;
  }

  /// Finds a version of an adapter by number, digest or alias; null for `none`.
  static @Nullable Version version(Registry registry, String name, String text) {
    if (text.equals(NONE)) {
      return null;
    }
    boolean number = text.chars().allMatch(Character::isDigit);
    return registry.find(
        Reference.parse(text.contains("@") ? text : name + (number ? ":" : "@") + text));
  }

  /// Parses `--expect`.
  static Alias.Expected expected(Registry registry, String name, @Nullable String text) {
    if (text == null) {
      return Alias.Expected.ANY;
    }
    Version version = version(registry, name, text);
    return version == null ? Alias.Expected.NONE : Alias.Expected.at(version.digest());
  }

  /// Prints the result of an alias move.
  static void tell(Registry.Move move, Console console) {
    Version to = move.to();
    String from = move.from();
    String alias = move.name() + "@" + move.alias();
    if (move.warning() != null) {
      console.warn(move.warning());
    }
    boolean same = to == null ? from == null : to.digest().equals(from);
    console.result(
        alias
            + (to == null ? " is gone" : " is at version " + to.number() + " " + shown(to.digest()))
            + (same ? ", as it was" : from == null ? "" : ", was at " + shown(from)));
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("alias", alias);
    values.put("from", from);
    values.put("to", to == null ? null : to.digest());
    values.put("version", to == null ? null : to.number());
    values.put("folder", to == null ? null : to.folder().toString());
    console.object(values);
  }

  /// Returns the first digits of a digest.
  static String shown(@Nullable String digest) {
    return digest == null ? "-" : Sha256.shown(digest);
  }

  /// Returns the marker of a protected alias.
  static String mark(Adapter adapter, String alias) {
    return adapter.isProtected(alias) ? " (protected)" : "";
  }

  /// Describes the protection of an alias.
  ///
  /// @param policy digest of the required policy; null: any
  static String guarded(String name, String alias, @Nullable String policy) {
    return "%s@%s is protected: it goes only to versions that a gate has passed%s"
        .formatted(name, alias, policy == null ? "" : ", by the policy " + shown(policy));
  }

  /// Converts a version to JSON.
  static Map<String, @Nullable Object> values(Registry registry, Version version) {
    return values(registry, version, registry.adapter(version.name()).aliasesOf(version));
  }

  /// Converts a version to JSON.
  ///
  /// @param aliases aliases of the version
  static Map<String, @Nullable Object> values(
      Registry registry, Version version, List<String> aliases) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("name", version.name());
    all.put("version", version.number());
    all.put("digest", version.digest());
    all.put("state", version.state().word());
    all.put("aliases", aliases);
    all.put("rank", version.rank());
    all.put("bytes", version.bytes());
    all.put("base", version.base());
    all.put("base_name", registry.bases().name(version));
    all.put("at", version.pushed().at().toString());
    all.put("by", version.pushed().by());
    all.put("why", version.pushed().why());
    all.put("folder", version.folder().toString());
    all.put("reports", version.reports());
    return all;
  }

  /// Converts an adapter to JSON.
  static Map<String, @Nullable Object> values(Registry registry, Adapter adapter) {
    Map<String, Object> aliases = new LinkedHashMap<>();
    adapter
        .aliases()
        .forEach(
            alias ->
                aliases.put(
                    alias.name(),
                    Map.of(
                        "version",
                        alias.version(),
                        "digest",
                        alias.digest(),
                        "protected",
                        adapter.isProtected(alias.name()))));
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("name", adapter.name());
    all.put("aliases", aliases);
    all.put(
        "versions",
        adapter.versions().stream().map(v -> values(registry, v, adapter.aliasesOf(v))).toList());
    all.put("protected", adapter.protections().stream().map(Protection::alias).toList());
    return all;
  }
}
