// How a program of this folder runs: its port, its time limit, and its exit code.
"use strict";

// Far above what a busy machine needs: it only ends a program that waits for something that never comes.
const TIME_LIMIT_MS = 300_000;

exports.port = Number(process.argv[2]);
exports.direct = process.argv.length > 3;

/** Runs `main` and ends the process with a failure when it throws or does not come to an end. */
exports.run = (main) => {
    setTimeout(() => {
        console.error("the time limit is over");
        process.exit(1);
    }, TIME_LIMIT_MS).unref();
    main().catch((error) => {
        console.error(error);
        process.exit(1);
    });
};
