package dev.nudge.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Sha256;
import dev.nudge.registry.RegistryException.Reason;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Aliases and versions of two bases.
class OtherBaseTest {
  private static final String OTHER = Sha256.of("other".getBytes(StandardCharsets.UTF_8));
  private static final String NF4 = Sha256.of("nf4".getBytes(StandardCharsets.UTF_8));
  private static final Note NOTE = Note.by("tester", "because");
  private static final Alias.Force ANY_BASE = new Alias.Force(false, true);
  private static final String APART =
      "support:2 was trained on base %s, support:1 on base %s"
          .formatted(Sha256.shown(OTHER), Sha256.shown(MadeAdapters.BASE));

  @TempDir Path temp;
  private Registry registry;
  private Version first;
  private Version other;

  @BeforeEach
  void open() {
    registry = Registry.open(temp.resolve("registry"));
    first = push(1, MadeAdapters.BASE);
    other = push(2, OTHER);
    move(first, Alias.Force.NONE);
  }

  private Version push(int number, String... bases) {
    Path folder = temp.resolve("adapter" + number);
    return registry
        .push(
            "support",
            bases.length == 0
                ? MadeAdapters.of(folder, number)
                : MadeAdapters.on(folder, number, bases),
            NOTE)
        .version();
  }

  private Registry.Move move(Version to, Alias.Force force) {
    return registry.alias("support", "champion", to, Alias.Expected.ANY, force, NOTE);
  }

  private int champion() {
    return registry.find(Reference.parse("support@champion")).number();
  }

  private static void refused(String words, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOf(RegistryException.class)
        .hasMessageStartingWith(words)
        .hasMessageContaining("--any-base")
        .extracting(e -> ((RegistryException) e).reason())
        .isEqualTo(Reason.OTHER_BASE);
  }

  @Test
  void anAliasStaysWithItsBaseUnlessItIsForcedAndTheLogSaysThatItWas() {
    refused(APART, () -> move(other, Alias.Force.NONE));
    refused(APART, () -> move(other, new Alias.Force(true, false)));
    assertThat(champion()).isEqualTo(1);
    assertThat(registry.log("support")).hasSize(3);
    move(other, ANY_BASE);
    assertThat(champion()).isEqualTo(2);
    assertThat(Registry.open(registry.folder()).log("support").getLast())
        .isInstanceOfSatisfying(
            RegistryEvent.Moved.class, e -> assertThat(e.overridden()).containsExactly(APART));
    registry.alias("support", "canary", other, Alias.Expected.ANY, NOTE); // it had no base
  }

  @Test
  void aRollbackToAnotherBaseIsRefusedUnlessItIsForced() {
    move(other, ANY_BASE);
    refused(
        "support:1 was trained on base " + Sha256.shown(MadeAdapters.BASE),
        () -> registry.rollback("support", "champion", Alias.Expected.ANY, NOTE));
    assertThat(champion()).isEqualTo(2);
    registry.rollback("support", "champion", Alias.Expected.ANY, true, NOTE);
    assertThat(champion()).isEqualTo(1);
  }

  @Test
  void anAliasThatWentToAnotherBaseIsNotProtectedThereUnlessItIsForced() {
    move(other, ANY_BASE);
    refused(APART, () -> registry.protect("support", "champion", null, false, NOTE));
    assertThat(registry.protection("support", "champion")).isNull();
    registry.protect("support", "champion", null, true, NOTE);
    assertThat(Registry.open(registry.folder()).log("support").getLast())
        .isInstanceOfSatisfying(
            RegistryEvent.Protected.class, e -> assertThat(e.overridden()).containsExactly(APART));
  }

  @Test
  void adaptersOfAModelAndOfItsQuantisedFolderHaveOneBase() {
    Version quantised = push(3, NF4, MadeAdapters.BASE);
    assertThat(move(quantised, Alias.Force.NONE).warning()).isNull();
    move(first, Alias.Force.NONE);
    assertThat(champion()).isEqualTo(1);
  }

  @Test
  void aVersionOfUnknownBaseIsTakenWithAWarningAndTheAliasKeepsItsBase() {
    Version unknown = push(3);
    assertThat(move(unknown, Alias.Force.NONE).warning())
        .startsWith("support:3 has no nudge.json: whether it was trained on base sha256:");
    refused(APART, () -> move(other, Alias.Force.NONE));
    assertThat(champion()).isEqualTo(3);
  }

  @Test
  void aPushIsComparedWithTheOtherVersionsAndWithAnAliasBeforeItIsStored() {
    assertThat(registry.otherBases(other))
        .isEqualTo(
            "support:2 was trained on base %s; version 1 (champion) was on another base (base %s)"
                .formatted(Sha256.shown(OTHER), Sha256.shown(MadeAdapters.BASE)));
    Path third = MadeAdapters.on(temp.resolve("third"), 3, OTHER);
    refused(
        "the new version's base is " + Sha256.shown(OTHER),
        () -> registry.checkBase("support", "champion", third));
    registry.checkBase("support", "canary", third);
    registry.checkBase("new", "champion", third);
    Path same = MadeAdapters.on(temp.resolve("same"), 4, MadeAdapters.BASE);
    registry.checkBase("support", "champion", same);
  }
}
