-- What the check finds wrong with a credential and cannot mend, and since when.
ALTER TABLE howdah.rotation
    ADD COLUMN trouble text,
    ADD COLUMN trouble_since timestamptz,
    ADD CHECK ((trouble IS NULL) = (trouble_since IS NULL));
