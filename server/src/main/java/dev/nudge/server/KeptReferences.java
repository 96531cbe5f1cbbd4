package dev.nudge.server;

import dev.nudge.registry.Adapter;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.RegistryException;
import dev.nudge.registry.Version;
import dev.nudge.registry.VersionState;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Served;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Resolves adapter references in a registry, which other processes may change: `legal@champion`,
/// `legal:3`, `legal@sha256:…`.
///
/// If an alias moves to a version that this server cannot serve, as one of another base, the last
/// servable version answers.
///
/// Threading: any number of threads.
final class KeptReferences {
  private static final String FITS = "";
  private static final Duration AGAIN = Duration.ofSeconds(30);

  private final Registry registry;
  private final Consumer<String> notes; // receives one line per moved alias
  private final InstantSource clock;
  private final Map<Reference, Version> answering = new ConcurrentHashMap<>();
  private final Map<Reference, Version> unusable = new ConcurrentHashMap<>();
  private final Map<String, Finding> findings = new ConcurrentHashMap<>(); // by digest
  private volatile Function<Served, @Nullable String> check = _ -> null;

  /// The result of a version's check. Success is permanent; a failure is checked again after
  /// [#AGAIN], because a disk may have been offline.
  ///
  /// @param reason [#FITS]: servable
  private record Finding(String reason, Instant at) {
    boolean fits() {
      return reason.equals(FITS);
    }

    boolean holds(Instant now) {
      return fits() || now.isBefore(at.plus(AGAIN));
    }
  }

  KeptReferences(Registry registry, Consumer<String> notes) {
    this(registry, notes, InstantSource.system());
  }

  KeptReferences(Registry registry, Consumer<String> notes, InstantSource clock) {
    this.registry = registry;
    this.notes = notes;
    this.clock = clock;
  }

  /// Sets the check of an alias's new version; it returns null: servable.
  void check(Function<Served, @Nullable String> reason) {
    check = reason;
  }

  /// Resolves a reference now.
  ///
  /// @param asked model name of the request
  /// @return null if there is none
  /// @throws ApiException if the version is blocked
  @Nullable Served find(String asked, String reference) {
    try {
      Reference parsed = Reference.parse(reference);
      Version version = registry.resolve(parsed);
      return served(
          asked, parsed.to() instanceof Reference.Alias ? usable(asked, parsed, version) : version);
    } catch (RegistryException e) {
      return switch (e.reason()) {
        case UNKNOWN, MOVED, NOWHERE_BACK, REFERENCED, GATED, OTHER_BASE -> null;
        case BLOCKED -> throw blocked(asked);
      };
    }
  }

  /// Returns the version that answers for an alias: its own, or the last servable one.
  private Version usable(String asked, Reference alias, Version version) {
    Version last = answering.get(alias);
    if (last != null && last.digest().equals(version.digest())) {
      unusable.remove(alias);
      return version;
    }
    Finding finding = findings.get(version.digest());
    if (finding == null || !finding.holds(clock.instant())) {
      String found = check.apply(served(asked, version));
      finding = new Finding(found == null ? FITS : found, clock.instant());
      findings.put(version.digest(), finding);
    }
    if (finding.fits()) {
      unusable.remove(alias);
      answering.put(alias, version);
      if (last != null) {
        notes.accept(
            "%s: version %d answers, was %d".formatted(alias, version.number(), last.number()));
      }
      return version;
    }
    boolean told = version.equals(unusable.put(alias, version));
    if (last == null) {
      return version; // its request fails, with why
    }
    if (!told) {
      notes.accept(
          "%s moved to version %d, which cannot be served: %s; version %d still answers"
              .formatted(alias, version.number(), finding.reason, last.number()));
    }
    return registry.resolve(Reference.parse(last.shown()));
  }

  /// Returns the requested aliases whose version this server cannot serve.
  List<ServedAdapters.Unusable> unusable() {
    List<ServedAdapters.Unusable> all = new ArrayList<>();
    unusable.forEach(
        (alias, version) -> {
          Version last = answering.get(alias);
          if (isAt(alias, version)) {
            all.add(
                new ServedAdapters.Unusable(
                    alias.toString(),
                    version.number(),
                    reason(version),
                    last == null ? null : last.number()));
          }
        });
    return all;
  }

  private boolean isAt(Reference alias, Version version) {
    try {
      return registry.find(alias).digest().equals(version.digest());
    } catch (RegistryException e) {
      return false; // alias deleted
    }
  }

  /// Omits the reason, which only operators see (`adapters show`).
  private static ApiException blocked(String asked) {
    return ApiException.forbidden(
        "model", "adapter_blocked", "'%s' is blocked".formatted(ApiException.shown(asked)));
  }

  /// The location of the registry, for messages.
  String place() {
    return registry.folder().toString();
  }

  private static Served served(String asked, Version version) {
    return new Served(asked, version.name(), version.number(), version.digest(), version.folder());
  }

  /// Returns the version that answers for an alias.
  private Served answered(String alias, Version version) {
    Reference reference = Reference.parse(alias);
    Version last = answering.get(reference);
    return served(alias, reason(version).equals(FITS) || last == null ? version : last);
  }

  /// Returns a checked version's failure reason, else [#FITS].
  private String reason(Version version) {
    Finding finding = findings.get(version.digest());
    return finding == null ? FITS : finding.reason;
  }

  /// Returns all aliases with the versions that answer.
  List<ServedAdapters.Card> list() {
    List<ServedAdapters.Card> cards = new ArrayList<>();
    for (Adapter adapter : registry.list()) {
      for (Alias alias : adapter.aliases()) {
        String id = adapter.name() + "@" + alias.name();
        adapter.versions().stream()
            .filter(v -> v.number() == alias.version() && v.state() != VersionState.BLOCKED)
            .forEach(version -> cards.add(new ServedAdapters.Card(id, answered(id, version))));
      }
    }
    return cards;
  }
}
