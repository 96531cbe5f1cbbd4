/// Reads data files of any supported format: each row comes as the text of a JSON object, with the
/// line where it begins.
///
/// [SourceFiles] resolves names, globs and folders to files; [Sources] detects the format of a file
/// by its first bytes: lines ([Lines]), a JSON array or objects over several lines
/// ([JsonElements]), CSV ([CsvRecords]), each also with gzip. A [TableReader], in a module of its
/// own, reads Parquet and queries. For other formats [OtherFormat] names a command that converts
/// them.
///
/// It knows nothing about what a row means, tokens or models. Read [Sources] first.
@NullMarked
package dev.nudge.data.source;

import org.jspecify.annotations.NullMarked;
