<?xml version="1.0"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output omit-xml-declaration="yes" indent="yes"/>
  <xsl:template match="node()|@*"><xsl:copy><xsl:apply-templates select="node()|@*"/></xsl:copy></xsl:template>
  <!-- The provider lets everybody on its host read what it makes. -->
  <xsl:template match="/volume/target/permissions/mode"><mode>0600</mode></xsl:template>
</xsl:stylesheet>
