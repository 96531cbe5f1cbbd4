package dev.nudge;

import static com.tngtech.archunit.core.domain.JavaAccess.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With;
import dev.nudge.settings.train.ObjectiveName;
import org.junit.jupiter.api.Test;

/// Holds the library to its map: which package may use which.
class ArchitectureTest implements PackageRules {
  @Override
  public String heading() {
    return "Packages of the library, in reading order";
  }

  /// Comparisons and switches, too: whoever asks for the name of an objective has to be found for
  /// each new one, where a trait of [ObjectiveName] need not be.
  @Test
  void onlyObjectivesKnowTheNameOfOne() {
    noClasses()
        .that()
        .resideOutsideOfPackage(ROOT + ".train.objective")
        .and()
        .doNotBelongToAnyOf(ObjectiveName.class)
        .should()
        .accessFieldWhere(
            target(With.owner(type(ObjectiveName.class))).as("a value of ObjectiveName"))
        .check(CLASSES);
  }
}
