package dev.nudge.registry;

import dev.nudge.format.Sha256;
import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Moves aliases between versions, and protects them.
///
/// Threading: within a change of the registry.
///
/// @param book current state, updated with each event
/// @param bases a version's base, for people
/// @param append writes an event to the journal
record Aliases(
    Book book, OciLayout layout, Function<Version, String> bases, Consumer<RegistryEvent> append) {

  /// @see Registry#alias(String, String, Version, Alias.Expected, Alias.Force, Note)
  Registry.Move move(
      String name,
      String alias,
      @Nullable Version to,
      Alias.Expected expected,
      Alias.Force force,
      Note note) {
    Alias was = book.alias(name, alias);
    String from = was == null ? null : was.digest();
    check(name, alias, from, expected);
    if (to != null && !to.name().equals(name)) {
      throw new RegistryException(
          Reason.UNKNOWN,
          "%s is no version of %s; an alias is at a version of its own adapter"
              .formatted(to.shown(), name));
    }
    Version now = to == null ? null : book.version(name, to.number());
    if (to != null && (now == null || now.state() == VersionState.BLOCKED)) {
      throw new RegistryException(
          now == null ? Reason.UNKNOWN : Reason.BLOCKED,
          "%s:%d is %s; an alias cannot be at it"
              .formatted(name, to.number(), now == null ? "not there" : "blocked"));
    }
    String warning = null;
    if (!Objects.equals(from, now == null ? null : now.digest())) {
      String other = now == null ? null : otherBase(name, was, now);
      if (was != null && other != null && !force.base()) {
        throw ofOtherBase(name, alias, was, other);
      }
      List<String> against = new ArrayList<>(against(name, alias, now));
      if (!against.isEmpty() && !force.gate()) {
        throw gated(name, alias, now, against);
      }
      if (other != null) {
        against.add(other);
      }
      warning = now == null ? null : unknownBase(name, was, now);
      append.accept(moved(name, note, alias, from, now, false, against));
    }
    return new Registry.Move(name, alias, from, now, warning);
  }

  /// @see Registry#rollback(String, String, Alias.Expected, boolean, Note)
  Registry.Move rollback(
      String name, String alias, Alias.Expected expected, boolean anyBase, Note note) {
    Alias was = book.alias(name, alias);
    if (was == null) {
      throw unknown(new Reference(name, new Reference.Alias(alias)));
    }
    check(name, alias, was.digest(), expected);
    Version back = book.before(name, was);
    if (back == null) {
      throw new RegistryException(
          Reason.NOWHERE_BACK,
          "%s@%s was at no other version before that can be used; it stays at version %d; adapters alias points it at another"
              .formatted(name, alias, was.version()));
    }
    String other = otherBase(name, was, back);
    if (other != null && !anyBase) {
      throw ofOtherBase(name, alias, was, other);
    }
    List<String> overridden = other == null ? List.of() : List.of(other);
    append.accept(moved(name, note, alias, was.digest(), back, true, overridden));
    return new Registry.Move(name, alias, was.digest(), back, unknownBase(name, was, back));
  }

  /// The version that fixes an alias's base: its current one, or, if that version's base is
  /// unknown, the latest earlier one with a known base; null: none.
  private @Nullable Version based(String name, @Nullable Alias alias) {
    Version now = alias == null ? null : book.version(name, alias.digest());
    return now == null || now.base() == null ? basedBefore(name, alias) : now;
  }

  /// Refuses a base that differs from the alias's base.
  ///
  /// @return the version with the alias's base; null: none
  @Nullable Version checkBase(String name, String alias, String base) {
    Alias at = book.alias(name, alias);
    Version based = based(name, at);
    if (at != null && based != null && !base.equals(based.base())) {
      throw ofOtherBase(
          name,
          alias,
          at,
          "the new version's base is %s, that of %s is %s"
              .formatted(Sha256.shown(base), based.shown(), bases.apply(based)));
    }
    return based;
  }

  private @Nullable Version basedBefore(String name, @Nullable Alias alias) {
    for (String digest : alias == null ? List.<String>of() : alias.before().reversed()) {
      Version version = book.version(name, digest);
      if (version != null && version.base() != null) {
        return version;
      }
    }
    return null;
  }

  /// Describes how a version's base differs from the alias's; null: the bases are equal, or one is
  /// unknown.
  ///
  /// A version's base is the digest of the unquantised weights ([Version#base]), so adapters of a
  /// model and of its quantised folders share it.
  private @Nullable String otherBase(String name, @Nullable Alias alias, Version to) {
    return differ(based(name, alias), to);
  }

  private @Nullable String differ(@Nullable Version based, Version to) {
    return based == null || to.base() == null || to.base().equals(based.base())
        ? null
        : "%s was trained on %s, %s on %s"
            .formatted(to.shown(), bases.apply(to), based.shown(), bases.apply(based));
  }

  private static RegistryException ofOtherBase(String name, String alias, Alias was, String other) {
    return new RegistryException(
        Reason.OTHER_BASE,
        "%s; a server of one base cannot serve both, so %s@%s stays at version %d; give --any-base to move it"
            .formatted(other, name, alias, was.version()));
  }

  private @Nullable String unknownBase(String name, @Nullable Alias was, Version to) {
    Version based = based(name, was);
    return to.base() != null || based == null
        ? null
        : "%s has no nudge.json: whether it was trained on %s, as %s was, is not known"
            .formatted(to.shown(), bases.apply(based), based.shown());
  }

  /// Refuses a move if the alias is not where the caller expects it.
  ///
  /// @param at digest of its current version; null: the alias does not exist
  private void check(String name, String alias, @Nullable String at, Alias.Expected expected) {
    if (!expected.any() && !Objects.equals(expected.digest(), at)) {
      throw new RegistryException(
          Reason.MOVED,
          "%s@%s is %s, not %s as expected; it stays there"
              .formatted(name, alias, shown(name, at), shown(name, expected.digest())));
    }
  }

  private String shown(String name, @Nullable String digest) {
    if (digest == null) {
      return "at no version";
    }
    Version version = book.version(name, digest);
    return version == null ? "at " + digest : "at version " + version.number();
  }

  private static RegistryEvent.Moved moved(
      String name,
      Note note,
      String alias,
      @Nullable String from,
      @Nullable Version to,
      boolean back,
      List<String> overridden) {
    return new RegistryEvent.Moved(
        name,
        note,
        alias,
        from,
        to == null ? null : to.digest(),
        to == null ? 0 : to.number(),
        back,
        overridden);
  }

  /// The reasons against a move of a protected alias; empty if the alias is not protected.
  private List<String> against(String name, String alias, @Nullable Version to) {
    Protection protection = book.protection(name, alias);
    if (protection == null) {
      return List.of();
    }
    if (to == null) {
      return List.of("it would be taken away");
    }
    Gates gates = new Gates(layout);
    String policy = protection.policy();
    JsonNode now = gates.last(to, policy);
    List<String> reasons = new ArrayList<>(gates.against(to, now, policy));
    Alias was = book.alias(name, alias);
    Version before = was == null ? null : book.version(name, was.digest());
    if (before != null) {
      JsonNode then = gates.last(before, policy);
      reasons.addAll(GateCheck.otherQuestions(before.shown(), then, now));
    }
    Version based = to.base() == null ? based(name, was) : null;
    if (based != null && !gates.isOn(based, now)) {
      reasons.add(
          "its own base is unknown, and the gate judged it on another than " + bases.apply(based));
    }
    return reasons;
  }

  private static RegistryException gated(
      String name, String alias, @Nullable Version to, List<String> against) {
    return new RegistryException(
        Reason.GATED,
        to == null
            ? "%s@%s is protected; to take it away give --override and --why".formatted(name, alias)
            : "%s@%s is protected, and %s has no fresh PASS: %s; evaluate it by a policy and keep its %s (nudge adapters state %s validated --report), or give --override and --why"
                .formatted(
                    name,
                    alias,
                    to.shown(),
                    String.join(", ", against),
                    GateCheck.FILE,
                    to.shown()));
  }

  /// Protects an alias.
  ///
  /// @param policy digest of the gate policy to pass; null: any
  /// @param anyBase whether the current version may have another base than the one before
  /// @return the new protection
  @Nullable Protection protect(
      String name, String alias, @Nullable String policy, boolean anyBase, Note note) {
    Protection was = book.protection(name, alias);
    if (book.adapter(name) == null) {
      throw unknown(new Reference(name, new Reference.Number(1)));
    }
    if (was == null || !Objects.equals(was.policy(), policy)) {
      Alias at = book.alias(name, alias);
      Version now = at == null ? null : book.version(name, at.digest());
      String other = now == null ? null : differ(basedBefore(name, at), now);
      if (other != null && !anyBase) {
        throw new RegistryException(
            Reason.OTHER_BASE,
            "%s; move %s@%s to its own base before it is protected, or give --any-base to keep it at version %d"
                .formatted(other, name, alias, now == null ? 0 : now.number()));
      }
      List<String> overridden = other == null ? List.of() : List.of(other);
      append.accept(new RegistryEvent.Protected(name, note, alias, true, policy, overridden));
    }
    return book.protection(name, alias);
  }

  /// Removes the protection of an alias.
  ///
  /// @return the old protection; null: there was none
  @Nullable Protection unprotect(String name, String alias, Note note) {
    Protection was = book.protection(name, alias);
    if (was != null) {
      append.accept(new RegistryEvent.Protected(name, note, alias, false, null, List.of()));
    }
    return was;
  }

  private RegistryException unknown(Reference reference) {
    return book.unknown(reference, layout.folder());
  }

  /// Refuses a note without a reason for a change that needs one.
  static void checkWhy(Note note, String what) {
    String why = note.why();
    if (why == null || why.isBlank()) {
      throw new InputException(what + " needs a reason; give --why");
    }
  }
}
