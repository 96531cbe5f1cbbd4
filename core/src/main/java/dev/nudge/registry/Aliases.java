package dev.nudge.registry;

import dev.nudge.registry.RegistryException.Reason;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Moves aliases between versions, and protects them.
///
/// Threading: within a change of the registry.
///
/// @param book current state, updated with each event
/// @param append writes an event to the journal
record Aliases(Book book, OciLayout layout, Consumer<RegistryEvent> append) {

  /// @see Registry#alias(String, String, Version, Alias.Expected, boolean, Note)
  Registry.Move move(
      String name,
      String alias,
      @Nullable Version to,
      Alias.Expected expected,
      boolean override,
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
    if (!Objects.equals(from, now == null ? null : now.digest())) {
      List<String> against = against(name, alias, now);
      if (!against.isEmpty() && !override) {
        throw gated(name, alias, now, against);
      }
      append.accept(moved(name, note, alias, from, now, false, against));
    }
    return new Registry.Move(name, alias, from, now);
  }

  /// @see Registry#rollback(String, String, Alias.Expected, Note)
  Registry.Move rollback(String name, String alias, Alias.Expected expected, Note note) {
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
    append.accept(moved(name, note, alias, was.digest(), back, true, List.of()));
    return new Registry.Move(name, alias, was.digest(), back);
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
  /// @return the new protection
  @Nullable Protection protect(String name, String alias, @Nullable String policy, Note note) {
    Protection was = book.protection(name, alias);
    if (book.adapter(name) == null) {
      throw unknown(new Reference(name, new Reference.Number(1)));
    }
    if (was == null || !Objects.equals(was.policy(), policy)) {
      append.accept(new RegistryEvent.Protected(name, note, alias, true, policy));
    }
    return book.protection(name, alias);
  }

  /// Removes the protection of an alias.
  ///
  /// @return the old protection; null: there was none
  @Nullable Protection unprotect(String name, String alias, Note note) {
    Protection was = book.protection(name, alias);
    if (was != null) {
      append.accept(new RegistryEvent.Protected(name, note, alias, false, null));
    }
    return was;
  }

  private RegistryException unknown(Reference reference) {
    return new Lookup(book, layout.folder()).unknown(reference);
  }

  /// Refuses a note without a reason for a change that needs one.
  static void checkWhy(Note note, String what) {
    String why = note.why();
    if (why == null || why.isBlank()) {
      throw new InputException(what + " needs a reason; give --why");
    }
  }
}
