-- Modules of the kernel that taint it or that not every list has.
SELECT name, size, taint_letters, srcversion, seen_by, missing_from, contradiction FROM kernel_modules
WHERE contradiction = 1 OR coalesce(taint_letters, '') <> '' ORDER BY contradiction DESC, name;
