package dev.nudge.settings;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Makes a record component a setting: a flag, a YAML key and a line of help.
///
/// The names come from the component: `batchSize` is the flag `--batch-size` and the key
/// `batch_size`. The component's type says which values there are: `int`, `long`, `double` (boxed
/// and `@Nullable` where no value means "decide later"), `boolean` (a flag without a value; boxed
/// likewise), `String`, `Path`, an enum (its constants in lower case), a type with
/// `static parse(String)`, or `List<String>` (repeatable).
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Setting {

  /// What it does, in a few words, units included.
  String help();

  /// The default as a user would write it; empty for none.
  String byDefault() default "";

  /// A choice of another setting that has another default, as `method=full`; empty for none.
  String when() default "";

  /// The default under that choice.
  String thenDefault() default "";

  /// Another setting in whose presence the default does not apply; empty for none.
  String unless() default "";

  /// Whether a value must be given.
  boolean required() default false;

  /// Whether its values stand on the command line without a flag, as the runs of `runs show RUN`;
  /// the label is its name in messages then.
  boolean operand() default false;

  /// Whether a switch also has a `--no-` form.
  boolean negatable() default false;

  /// What stands for the value in the help; empty for what the type suggests.
  String label() default "";
}
